// The same drill where `Fail` is registered as such, and a request that the webhook does not answer is refused.
import '../e2e/replicas.test.ts';
