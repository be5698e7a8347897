/** A review of a Pod as a whole HTTP request, with an annotation that makes it so many bytes long. */
export function paddedPod(request: Buffer, bytes: number): Buffer {
  const text = request.toString();
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const missing = Math.max(0, bytes - Buffer.byteLength(body));
  const review = JSON.parse(body) as { request: { object: { metadata: { annotations?: Record<string, string> } } } };
  const { metadata } = review.request.object;
  metadata.annotations = { ...metadata.annotations, ...paddingOf(missing) };
  const padded = JSON.stringify(review);
  return Buffer.from(
    `${head.replace(/Content-Length: \d+/, `Content-Length: ${Buffer.byteLength(padded)}`)}\r\n\r\n${padded}`,
  );
}

/** As many texts of 1 kB as it takes: a Pod is large because it has much in it. */
function paddingOf(bytes: number): Record<string, string> {
  const count = Math.floor(bytes / 1_000);
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`padding-${index}`, 'x'.repeat(980)]));
}
