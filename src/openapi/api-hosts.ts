/** The host names of Alibaba Cloud's OpenAPI, by region. */

/** Regions for which no API host inside a VPC is documented. */
const withoutVpcHost: ReadonlySet<string> = new Set(['cn-huhehaote', 'cn-wulanchabu', 'cn-heyuan']);

/** The hosts of the registry's OpenAPI, in the order in which they should be tried: inside a VPC first. */
export function acrHosts(regionId: string): string[] {
  const publicHost = `cr.${regionId}.aliyuncs.com`;
  return withoutVpcHost.has(regionId) ? [publicHost] : [`cr-vpc.${regionId}.aliyuncs.com`, publicHost];
}

/** The hosts of the Security Token Service's OpenAPI, in the order in which they should be tried: inside a VPC first. */
export function stsHosts(regionId: string): string[] {
  return [`sts-vpc.${regionId}.aliyuncs.com`, `sts.${regionId}.aliyuncs.com`];
}
