import { LabIcon } from '@jupyterlab/ui-components';

export const reportIcon = new LabIcon({
  name: 'roadworthy:report',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><path class="jp-icon3" fill="#616161" d="M5 2h10l5 5v15H5zm9 1.5V8h4.500zM8 12v7h2.200v-7zm3.400 3v4h2.200v-4zm3.400-4v8H17v-8z"/></svg>'
});
