// What `helm test` runs, in a Pod of the service's image: asks the service, through its Service, whether it works.
const { SERVICE_HOST = '', SERVICE_PORT, WAIT_SECONDS } = process.env;
const url = `http://${SERVICE_HOST.includes(':') ? `[${SERVICE_HOST}]` : SERVICE_HOST}:${SERVICE_PORT}`;
const deadline = Date.now() + Number(WAIT_SECONDS) * 1_000;

// A Service leads to any replica, and only the one that leads knows how the self-test went.
let selfTest = { passed: null };

async function get(path) {
  const options = { headers: { connection: 'close' }, signal: AbortSignal.timeout(5_000) };
  const response = await fetch(url + path, options);
  return { isOk: response.ok, body: await response.json() };
}

/** Everything that is asked of the service, with what to say where it does not hold. */
async function findProblems() {
  const [ready, { body: status }] = await Promise.all([get('/readyz'), get('/status')]);
  if (status.leader.isSelf) selfTest = status.selfTest;
  const { paused, configMap, configuration, registries } = status;
  const isReached = configuration?.webhook.enabled !== true || selfTest.passed === true;
  return [
    !ready.isOk && `not ready: ${JSON.stringify(ready.body.checks)}`,
    paused && 'paused by an annotation of the ConfigMap',
    configMap.kind !== 'accepted' && [`the ConfigMap is ${configMap.kind}`, ...configMap.problems].join('\n  '),
    ...registries.map(({ key, expiresAt, failure }) => !expiresAt && `no token of ${key}: ${reasonOf(failure)}`),
    !isReached &&
      `the API server has not come through to the webhook: ${selfTest.lastFailure?.reason ?? 'not tried yet'}`,
  ].filter(Boolean);
}

function reasonOf(failure) {
  return failure ? `${failure.code}: ${failure.message}` : 'not asked for yet';
}

function unanswered(error) {
  return [`no answer from ${url}: ${error.cause?.message ?? error.message}`];
}

let problems = await findProblems().catch(unanswered);
while (problems.length > 0 && Date.now() < deadline) {
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  problems = await findProblems().catch(unanswered);
}
process.stdout.write(`${problems.length > 0 ? problems.join('\n') : 'the service works'}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
