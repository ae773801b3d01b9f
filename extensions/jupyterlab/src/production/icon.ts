import { LabIcon } from '@jupyterlab/ui-components';

export const productionIcon = new LabIcon({
  name: 'roadworthy:production',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><path class="jp-icon3" fill="#616161" d="M3 4h18v16H3zm2 2v12h14V6zm1.500 6.200h2.700L11 8.400l2.400 7 1.700-3.200h2.400v1.700h-1.400l-3 5.600-2.300-6.700-.6 1.100H6.500z"/></svg>'
});
