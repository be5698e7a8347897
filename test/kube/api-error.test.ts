import { describe, expect, it } from 'vitest';
import { errorOfStatus, parseStatus, unreachable } from '../../src/kube/api-error.ts';
import { KubeApiError } from '../../src/errors.ts';

const status = (fields: object) => JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', ...fields });

describe('the Status in an answer', () => {
  it('is the one that the server sent', () => {
    expect(parseStatus(status({ reason: 'NotFound', code: 404 }), 404)).toMatchObject({
      reason: 'NotFound',
      code: 404,
    });
  });

  it.each([
    ['no JSON', '<html>bad gateway</html>'],
    ['null', 'null'],
    ['a text', '"unavailable"'],
    ['nothing', ''],
    ["a proxy's own JSON", '{"code": 0, "reason": {"nested": true}, "message": "no route"}'],
  ])('is made of the HTTP status where the body is %s', (_, body) => {
    expect(parseStatus(body, 503)).toEqual({ code: 503 });
  });
});

describe('a refusal', () => {
  it.each([
    [404, 'NotFound', false],
    [403, 'Forbidden', false],
    [422, 'Invalid', false],
    [409, 'Conflict', true],
    [429, 'TooManyRequests', true],
    [500, 'InternalError', true],
    [504, 'Timeout', true],
  ])('%i %s tells whether it is worth another try', (code, reason, retryable) => {
    expect(errorOfStatus({ code, reason }, 'GET /x')).toMatchObject({ status: code, code: reason, retryable });
  });

  it('has a code where the server gave no reason', () => {
    expect(errorOfStatus({ code: 502 }, 'GET /x').code).toBe('Http502');
    expect(errorOfStatus({}, 'GET /x')).toMatchObject({ code: 'Http500', status: 500 });
  });

  it('of a namespace that is going is told from other Forbidden ones', () => {
    const causes = [{ reason: 'NamespaceTerminating', message: 'namespace x is being terminated' }];
    expect(errorOfStatus({ code: 403, reason: 'Forbidden', details: { causes } }, 'x').code).toBe(
      'NamespaceTerminating',
    );
  });

  it('carries what the server asked to wait, from the header before the body', () => {
    const details = { retryAfterSeconds: 7 };
    expect(errorOfStatus({ code: 429, details }, 'x', 3000).retryAfterMs).toBe(3000);
    expect(errorOfStatus({ code: 429, details }, 'x', NaN).retryAfterMs).toBe(7000);
    expect(errorOfStatus({ code: 429 }, 'x', NaN).retryAfterMs).toBeUndefined();
  });

  it("says the server's words, but not those that quote a body", () => {
    expect(errorOfStatus({ code: 403, message: 'no right' }, 'GET /x').message).toContain('no right');
    for (const code of [400, 422]) {
      expect(errorOfStatus({ code, message: 'cannot read "c2VjcmV0"' }, 'PATCH /x').message).not.toContain('c2VjcmV0');
    }
  });
});

describe('a request without an answer', () => {
  it.each([
    ['a time limit', new DOMException('late', 'TimeoutError'), 'Timeout'],
    ['an abort', new DOMException('stopped', 'AbortError'), 'Timeout'],
    ['a refused connection', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'Unreachable'],
  ])('after %s may be sent again', (_, error, code) => {
    expect(unreachable(error)).toMatchObject({ status: 0, code, retryable: true });
  });

  it('stays the refusal that it is', () => {
    const refused = errorOfStatus({ code: 403 }, 'x');
    expect(unreachable(refused)).toBe(refused);
  });

  it('says nothing of an answer that is no JSON: it may be a Secret', () => {
    const error = (() => {
      try {
        JSON.parse('{"data": c2VjcmV0-token}');
      } catch (thrown) {
        return unreachable(thrown);
      }
      return undefined;
    })();
    expect(error).toBeInstanceOf(KubeApiError);
    expect(error).toMatchObject({ code: 'UnreadableAnswer', retryable: true });
    expect(error?.message).not.toContain('c2V');
  });
});
