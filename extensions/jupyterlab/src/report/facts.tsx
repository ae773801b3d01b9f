import React from 'react';

interface IFactsProps {
  /** what each figure is, and the figure */
  facts: readonly (readonly [string, string])[];
  className?: string;
}

/** Figures, each below what it is. */
export function Facts({ facts, className = 'rw-facts' }: IFactsProps): JSX.Element {
  return (
    <dl className={className}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
