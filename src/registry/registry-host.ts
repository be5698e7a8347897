/** The domains of Alibaba Cloud Container Registry, by region. */

/** Labels of the Personal Edition's domains: Chinese site, then international site. */
const personalLabels = ['registry', 'registry-vpc', 'registry-internal', 'registry-intl', 'registry-intl-vpc'];

/** Every domain under which a region's Personal Edition serves images. */
export function personalDomains(regionId: string): string[] {
  return personalLabels.map((label) => `${label}.${regionId}.aliyuncs.com`);
}

/** Stands for the region's Enterprise Edition instances while their own domains are not known. */
export function enterpriseDomainGlob(regionId: string): string {
  return `*.${regionId}.cr.aliyuncs.com`;
}
