import { acs3Signature, canonicalRequest, parseAcs3Authorization, sha256, unsignedHeaders } from './acs3-signature.ts';
import { CloudRefusal, type CloudRequest, headerOf } from './cloud-request.ts';
import type { IdentityStore, Principal } from './identity-store.ts';
import { rpcSignature, rpcStringToSign } from './rpc-signature.ts';

const maxSkewMs = 15 * 60_000;

/** Decides, as the API gateway does, who sent a request: signature, freshness, replay, security token. */
export class Authenticator {
  readonly #identities: IdentityStore;
  readonly #secrets: Set<string>;
  readonly #nonces = new Set<string>();

  constructor(identities: IdentityStore, secrets: Set<string>) {
    this.#identities = identities;
    this.#secrets = secrets;
  }

  /** @throws CloudRefusal as the gateway words it. */
  authenticate(request: CloudRequest, now: number): Principal {
    return headerOf(request, 'authorization') === ''
      ? this.#authenticateRpc(request, now)
      : this.#authenticateAcs3(request, now);
  }

  #authenticateAcs3(request: CloudRequest, now: number): Principal {
    const authorization = parseAcs3Authorization(headerOf(request, 'authorization'));
    if (authorization === undefined) throw incompleteSignature('the Authorization header cannot be read');
    const { accessKeyId, signedHeaders, signature } = authorization;
    this.#secrets.add(signature);
    const unsigned = unsignedHeaders(request, signedHeaders);
    if (unsigned.length > 0) throw incompleteSignature(`not signed: ${unsigned.join(', ')}`);
    if (headerOf(request, 'x-acs-content-sha256') !== sha256(request.body)) {
      throw incompleteSignature('x-acs-content-sha256 is not the hash of the body');
    }
    this.#checkFresh(headerOf(request, 'x-acs-date'), headerOf(request, 'x-acs-signature-nonce'));
    const canonical = canonicalRequest(request, signedHeaders);
    if (signature !== acs3Signature(canonical, this.#identities.secretOf(accessKeyId))) {
      throw signatureMismatch(`server string to sign is:ACS3-HMAC-SHA256\n${canonical}`);
    }
    return this.#identities.principal(accessKeyId, headerOf(request, 'x-acs-security-token'), now);
  }

  #authenticateRpc(request: CloudRequest, now: number): Principal {
    const parameter = (name: string) => request.query.get(name) ?? request.form.get(name) ?? '';
    const signature = parameter('Signature');
    if (signature === '') throw incompleteSignature('no signature');
    if (parameter('SignatureMethod') !== 'HMAC-SHA1' || parameter('SignatureVersion') !== '1.0') {
      throw incompleteSignature('SignatureMethod must be HMAC-SHA1, SignatureVersion 1.0');
    }
    this.#secrets.add(signature);
    this.#checkFresh(parameter('Timestamp'), parameter('SignatureNonce'));
    const stringToSign = rpcStringToSign(request);
    if (signature !== rpcSignature(stringToSign, this.#identities.secretOf(parameter('AccessKeyId')))) {
      throw signatureMismatch(`server string to sign is:${stringToSign}`);
    }
    return this.#identities.principal(parameter('AccessKeyId'), parameter('SecurityToken'), now);
  }

  /** Signing clients stamp the machine's time, so it is that and not the emulator's clock that counts here. */
  #checkFresh(timestamp: string, nonce: string): void {
    const signedAt = Date.parse(timestamp);
    if (!(Math.abs(Date.now() - signedAt) <= maxSkewMs)) {
      throw new CloudRefusal(400, 'InvalidTimeStamp.Expired', 'Specified time stamp or date value is expired.');
    }
    if (nonce === '' || this.#nonces.has(nonce)) {
      throw new CloudRefusal(400, 'SignatureNonceUsed', 'Specified signature nonce was used already.');
    }
    this.#nonces.add(nonce);
  }
}

function incompleteSignature(detail: string): CloudRefusal {
  return new CloudRefusal(400, 'IncompleteSignature', `The request signature is incomplete: ${detail}.`);
}

/** The real gateway, too, echoes what it signed: a client that logs messages as they come leaks. */
function signatureMismatch(echo: string): CloudRefusal {
  const message = `Specified signature is not matched with our calculation. ${echo}`;
  return new CloudRefusal(400, 'SignatureDoesNotMatch', message);
}
