/** Has the text the form of a region ID (`cn-hangzhou`, `ap-southeast-1`), so that it can be part of a host name? */
export function isRegionId(text: string): boolean {
  return text.length <= 63 && /^[a-z][a-z0-9]*(?:-[a-z0-9]+)+$/.test(text);
}
