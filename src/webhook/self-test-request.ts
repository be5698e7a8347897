import type { ObjectMeta, ServiceAccount } from '../kube/objects.ts';

/** With the value `true` on the ServiceAccount of a self-test, and what its entry of the registration selects by. */
export const SELF_TEST_LABEL = 'acr-credential-injector/self-test';
/** One name, so that the right to create it can be given by name. */
export const SELF_TEST_NAME = 'acr-credential-injector-self-test';

/** Tells the answer to one test from that to any other. */
const QUESTION = 'acr-credential-injector/self-test-question';
const ANSWER = 'acr-credential-injector/self-test-answer';

/** The ServiceAccount that a self-test creates in a dry run. */
export function selfTestServiceAccount(namespace: string, question: string): ServiceAccount {
  return {
    metadata: {
      namespace,
      name: SELF_TEST_NAME,
      labels: { [SELF_TEST_LABEL]: 'true' },
      annotations: { [QUESTION]: question },
    },
  };
}

/** What admission adds to the ServiceAccount of a self-test, as a JSON Patch; undefined: it is no self-test. */
export function selfTestPatch({
  labels,
  annotations,
}: ObjectMeta): { op: 'add'; path: string; value: string }[] | undefined {
  const question: unknown = annotations?.[QUESTION];
  if (labels?.[SELF_TEST_LABEL] !== 'true' || typeof question !== 'string') return undefined;
  return [{ op: 'add', path: `/metadata/annotations/${ANSWER.replace('/', '~1')}`, value: question }];
}

/** Did the object, as the API server would have stored it, come by our admission? */
export function isAnswered({ metadata }: ServiceAccount, question: string): boolean {
  return metadata.annotations?.[ANSWER] === question;
}
