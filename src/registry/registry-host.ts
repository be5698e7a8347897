/** The host names of Alibaba Cloud Container Registry, by region. */

/** Regions for which no API host inside a VPC is documented. */
const withoutVpcHost: ReadonlySet<string> = new Set(['cn-huhehaote', 'cn-wulanchabu', 'cn-heyuan']);

/** Labels of the Personal Edition's domains: Chinese site, then international site. */
const personalLabels = ['registry', 'registry-vpc', 'registry-internal', 'registry-intl', 'registry-intl-vpc'];

/** The hosts of the registry's OpenAPI, in the order in which they should be tried: inside a VPC first. */
export function apiHosts(regionId: string): string[] {
  const publicHost = `cr.${regionId}.aliyuncs.com`;
  return withoutVpcHost.has(regionId) ? [publicHost] : [`cr-vpc.${regionId}.aliyuncs.com`, publicHost];
}

/** Every domain under which a region's Personal Edition serves images. */
export function personalDomains(regionId: string): string[] {
  return personalLabels.map((label) => `${label}.${regionId}.aliyuncs.com`);
}

/** Stands for the region's Enterprise Edition instances while their own domains are not known. */
export function enterpriseDomainGlob(regionId: string): string {
  return `*.${regionId}.cr.aliyuncs.com`;
}
