import { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { FastifyReply, FastifyRequest, RouteGenericInterface } from 'fastify';
import type { AdmissionHandler } from '../admission/admission-handler.ts';
import {
  formatAdmissionReview,
  parseAdmissionReview,
  UnreadableReviewError,
  type AdmissionRequest,
} from '../admission/admission-review.ts';
import { isOwnRequest } from '../admission/own-request.ts';
import type { AnsweredReview, Verdict } from '../admission/verdict.ts';

/** A request as Node's server makes it. */
export class TimedMessage extends IncomingMessage {
  /** When its head had come, as `performance.now()` tells it. */
  readonly arrivedAt = performance.now();
}

export type TimedRequest = FastifyRequest<RouteGenericInterface, Server, TimedMessage>;

export interface ReviewRouteOptions {
  handler: Pick<AdmissionHandler, 'review'>;
  /** Told of every review that was answered. */
  onReviewed: (review: AnsweredReview) => void;
  /** Told of every body that was no review. */
  onUnreadable: (message: string) => void;
}

/** Answers an AdmissionReview, given as text, and what should be one. */
export class ReviewRoute {
  readonly #options: ReviewRouteOptions;

  constructor(options: ReviewRouteOptions) {
    this.#options = options;
  }

  /** @returns the answer where it is waited for. What is known at once is sent at once: promises cost a twentieth of all that it takes. */
  answer(request: TimedRequest, reply: FastifyReply): Promise<string> | undefined {
    void reply.type('application/json');
    const review = parsed(request);
    if (review instanceof UnreadableReviewError) {
      void reply.send(this.#answerUnreadable(review, request, reply));
      return undefined;
    }
    const elapsedMs = performance.now() - request.raw.arrivedAt;
    const verdict = this.#options.handler.review(review, { timeout: timeoutOf(request), elapsedMs });
    if (verdict instanceof Promise) return verdict.then((late) => this.#concluded(review, late, request));
    void reply.send(this.#concluded(review, verdict, request));
    return undefined;
  }

  /** Tells of the review. @returns its answer. */
  #concluded(review: AdmissionRequest, verdict: Verdict, { raw }: TimedRequest): string {
    const { uid, resource, operation, namespace } = review;
    const durationMs = performance.now() - raw.arrivedAt;
    this.#options.onReviewed({ resource, operation, namespace, verdict, durationMs, isOwn: isOwnRequest(review) });
    return formatAdmissionReview(uid, verdict.outcome);
  }

  #answerUnreadable({ uid, message }: UnreadableReviewError, request: TimedRequest, reply: FastifyReply): string {
    const { onUnreadable } = this.#options;
    // Whoever gave a uid gets an answer to it: what cannot be understood is let through.
    if (uid) {
      onUnreadable(message);
      return formatAdmissionReview(uid, { allowed: true, warnings: [message] });
    }
    const isEncoded = (request.headers['content-encoding'] ?? 'identity') !== 'identity';
    const why = isEncoded ? 'the body has a Content-Encoding, and none is understood' : message;
    onUnreadable(why);
    void reply.code(400);
    return JSON.stringify({ error: why });
  }
}

function parsed(request: TimedRequest): AdmissionRequest | UnreadableReviewError {
  try {
    return parseAdmissionReview(request.body as string);
  } catch (error) {
    if (error instanceof UnreadableReviewError) return error;
    throw error;
  }
}

function timeoutOf({ query }: TimedRequest): string | undefined {
  const { timeout } = query as { timeout?: unknown };
  return typeof timeout === 'string' ? timeout : undefined;
}
