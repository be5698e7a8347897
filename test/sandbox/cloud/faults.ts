/** One way for a call to go wrong. */
export type Fault =
  | { kind: 'answer'; status: number; body: object | string; headers?: Record<string, string> }
  /** Answers properly, later. */
  | { kind: 'delay'; ms: number }
  /** Never answers. */
  | { kind: 'hang' }
  /** Sends the head of an answer and half a body, and no more. */
  | { kind: 'stall' }
  /** Closes the connection with a TCP reset. */
  | { kind: 'reset' }
  /** Answers properly, but with another body. */
  | { kind: 'rewrite'; change: (body: object) => object | string };

/** Which calls a fault meets; nothing given: every one. */
export interface FaultScope {
  action?: string;
  instanceId?: string;
  /** How often; absent: until it is cleared. */
  times?: number;
}

function refusal(status: number, code: string, message: string, headers?: Record<string, string>): Fault {
  const body = { RequestId: '5F1A7C7E-0000-4000-8000-EMULATEDFAULT', HostId: 'emulator', Code: code, Message: message };
  return headers === undefined ? { kind: 'answer', status, body } : { kind: 'answer', status, body, headers };
}

function rewriteToken(fields: { AuthorizationToken?: string; ExpireTime?: number }): Fault {
  const personal = {
    ...('AuthorizationToken' in fields && { authorizationToken: fields.AuthorizationToken }),
    ...('ExpireTime' in fields && { expireDate: fields.ExpireTime }),
  };
  return {
    kind: 'rewrite',
    change: (body) =>
      'data' in body ? { ...body, data: { ...(body.data as object), ...personal } } : { ...body, ...fields },
  };
}

const html = '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>';

/** The failures that Alibaba Cloud's side is known to produce. */
export const cloudFaults = {
  /** HTTP 200 that carries a failure. */
  failure: (code: string): Fault => ({
    kind: 'answer',
    status: 200,
    body: { RequestId: '5F1A7C7E-0000-4000-8000-EMULATEDFAULT', IsSuccess: false, Code: code },
  }),
  instanceNotExist: {
    kind: 'answer',
    status: 200,
    body: { RequestId: '5F1A7C7E-0000-4000-8000-EMULATEDFAULT', IsSuccess: false, Code: 'INSTANCE_NOT_EXIST' },
  },
  forbiddenRam: refusal(403, 'Forbidden.RAM', 'User not authorized to operate on the specified resource.'),
  noPermission: refusal(403, 'NoPermission', 'You are not authorized to do this action.'),
  invalidAccessKeyId: refusal(404, 'InvalidAccessKeyId.NotFound', 'Specified access key is not found.'),
  userNotExist: {
    kind: 'answer',
    status: 404,
    body: { requestId: '5F1A7C7E-0000-4000-8000-EMULATEDFAULT', code: 'USER_NOT_EXIST', message: 'user is not exist' },
  },
  signatureDoesNotMatch: refusal(400, 'SignatureDoesNotMatch', 'Specified signature is not matched.'),
  securityTokenExpired: refusal(400, 'InvalidSecurityToken.Expired', 'Specified SecurityToken is expired.'),
  wrongRegion: refusal(400, 'rpc_invalid_arg', 'invalid arg'),
  throttling: (retryAfterMs: number): Fault =>
    refusal(429, 'Throttling.User', 'Request was denied due to user flow control.', {
      'retry-after': String(Math.ceil(retryAfterMs / 1000)),
      'x-acs-retry-after': String(retryAfterMs),
    }),
  serviceUnavailable: refusal(503, 'ServiceUnavailable', 'The request has failed due to a temporary failure.'),
  htmlError: { kind: 'answer', status: 502, body: html, headers: { 'content-type': 'text/html' } },
  nonsense: { kind: 'answer', status: 200, body: '{"IsSuccess":tru', headers: { 'content-type': 'application/json' } },
  nothing: { kind: 'answer', status: 200, body: 'null', headers: { 'content-type': 'application/json' } },
  slow: (ms: number): Fault => ({ kind: 'delay', ms }),
  hang: { kind: 'hang' },
  stall: { kind: 'stall' },
  reset: { kind: 'reset' },
  emptyToken: rewriteToken({ AuthorizationToken: '' }),
  expiredToken: rewriteToken({ ExpireTime: 1_000_000_000_000 }),
  /** No `Date` goes so far. */
  endlessToken: rewriteToken({ ExpireTime: 9_000_000_000_000_000 }),
} as const satisfies Record<string, Fault | ((argument: never) => Fault)>;

/** The faults to come, in the order in which they were added: the first that fits a call meets it. */
export class FaultPlan {
  #planned: { fault: Fault; scope: FaultScope; left: number }[] = [];

  /** Returns the function that takes the fault back. */
  add(fault: Fault, scope: FaultScope = {}): () => void {
    const planned = { fault, scope, left: scope.times ?? Infinity };
    this.#planned.push(planned);
    return () => {
      this.#planned = this.#planned.filter((other) => other !== planned);
    };
  }

  clear(): void {
    this.#planned = [];
  }

  /** The fault that this call meets, counted. */
  take(action: string, instanceId: string): Fault | undefined {
    const met = this.#planned.find(
      ({ scope }) => (scope.action ?? action) === action && (scope.instanceId ?? instanceId) === instanceId,
    );
    if (met === undefined) return undefined;
    met.left -= 1;
    if (met.left <= 0) this.#planned = this.#planned.filter((other) => other !== met);
    return met.fault;
  }
}
