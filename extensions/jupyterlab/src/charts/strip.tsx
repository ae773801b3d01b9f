import React from 'react';

import { IReading } from '../records';
import { height, ITrendPoint, ratio, STRIP_HEIGHT } from '../report/columns';

const LINE_AT = STRIP_HEIGHT - 4;
type Paths = { [verdict in IReading['verdict']]: string };

/** The size of a column's change in each window beside what counts, small enough for a table's cell. */
export function Strip({ trend }: { trend: readonly ITrendPoint[] }): JSX.Element {
  const paths = stripPaths(trend);
  return (
    <svg
      className="rw-strip"
      viewBox={`0 0 ${trend.length} ${STRIP_HEIGHT}`}
      preserveAspectRatio="none"
      style={{ width: `${Math.min(160, Math.max(20, trend.length * 10))}px` }}
      aria-hidden="true"
    >
      {paths['no drift'] && <path className="rw-calm" d={paths['no drift']} />}
      {paths['too little data'] && <path className="rw-few" d={paths['too little data']} />}
      {paths.drift && <path className="rw-drift" d={paths.drift} />}
      <line className="rw-limit" x1="0" x2={trend.length} y1={LINE_AT} y2={LINE_AT} />
    </svg>
  );
}

/** One bar a window, by verdict, as SVG path data: a window is a unit wide. */
export function stripPaths(trend: readonly ITrendPoint[]): Paths {
  const paths: Paths = { drift: '', 'no drift': '', 'too little data': '' };
  const gap = trend.length > 40 ? 0 : 0.12;
  trend.forEach(({ reading }, place) => {
    if (reading) {
      const high = height(ratio(reading)) || 1;
      paths[reading.verdict] += `M${place + gap} ${STRIP_HEIGHT}v-${high}h${1 - 2 * gap}v${high}z`;
    }
  });
  return paths;
}
