import { LabIcon } from '@jupyterlab/ui-components';

function drawn(name: string, shapes: string): LabIcon {
  const svgstr = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">${shapes}</svg>`;
  return new LabIcon({ name: `roadworthy:${name}`, svgstr });
}

const line =
  'fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"';

/** A road that leads on: the project's sign. Its colour is the side bar's own. */
export const roadIcon = drawn(
  'road',
  '<path class="jp-icon3" fill="#616161" d="M5.2 2h1.5L6 5h-.9zM9.3 2h1.5l1 3h-1zM7.4 2h1.2v2.4H7.4zM4.7 6.4h1.1L5 9.6H3.7zM10.2 6.4h1.1l1 3.2H11zM7.3 6h1.4v3.6H7.3zM3.3 11h1.4L4 14H2.3zM11.3 11h1.4l1 3H12zM7.2 11h1.6v3H7.2z"/>'
);

export const freshIcon = drawn(
  'fresh',
  `<circle cx="8" cy="8" r="6.2" ${line}/><path d="M5 8.2l2.1 2.1L11 6.2" ${line}/>`
);

export const staleIcon = drawn(
  'stale',
  `<circle cx="8" cy="8" r="6.2" ${line}/><path d="M8 4.6V8l2.3 1.6" ${line}/>`
);

export const runningIcon = drawn('running', `<path d="M14.2 8A6.2 6.2 0 1 1 8 1.8" ${line}/>`);

export const failedIcon = drawn(
  'failed',
  `<circle cx="8" cy="8" r="6.2" ${line}/><path d="M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4" ${line}/>`
);

export const unknownIcon = drawn(
  'unknown',
  `<circle cx="8" cy="8" r="6.2" ${line}/><path d="M6.2 6.3a1.8 1.8 0 1 1 2.6 1.6c-.6.3-.8.6-.8 1.2" ${line}/><circle cx="8" cy="11.4" r=".9" fill="currentColor"/>`
);

export const waitingIcon = drawn('waiting', `<circle cx="8" cy="8" r="6.2" ${line} stroke-dasharray="2 3"/>`);

export const warningIcon = drawn(
  'warning',
  `<path d="M8 2.2l6.2 11H1.8z" ${line}/><path d="M8 6.4v3" ${line}/><circle cx="8" cy="11.3" r=".9" fill="currentColor"/>`
);

export const pipelineIcon = drawn(
  'pipeline',
  '<path class="jp-icon3" fill="#616161" d="M1.5 2.5h5v4h-5zM9.5 2.5h5v4h-5zM5.5 9.5h5v4h-5zM6.5 4h3v1h-3zM3.4 6.5h1.2v3h2v1H3.4zM11.4 6.5h1.2v4h-2v-1h.8z"/>'
);
