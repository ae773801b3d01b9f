import React from 'react';

import { useWords } from '../words';

interface IHeadingProps {
  title: string;
  /** what it is about, in a line */
  about: string;
  onExport?: () => void;
}

/** What a page is, and a button that takes it away. */
export function Heading({ title, about, onExport }: IHeadingProps): JSX.Element {
  const { trans } = useWords();
  return (
    <div className="rw-heading">
      <div>
        <h1>{title}</h1>
        <p className="rw-muted">{about}</p>
      </div>
      {onExport && (
        <button type="button" className="rw-minor rw-export" onClick={onExport}>
          {trans.__('Export to HTML')}
        </button>
      )}
    </div>
  );
}
