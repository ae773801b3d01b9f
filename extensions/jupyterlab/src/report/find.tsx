import React from 'react';

import { useWords } from '../words';

interface IFindProps {
  /** what may be looked for, in a word or two */
  what: string;
  text: string;
  onChange: (text: string) => void;
}

/** The field that the rows of a table are found with. */
export function Find({ what, text, onChange }: IFindProps): JSX.Element {
  const { trans } = useWords();
  return (
    <label>
      {trans.__('Find')}{' '}
      <input
        className="jp-mod-styled"
        type="search"
        autoComplete="off"
        placeholder={what}
        value={text}
        onChange={event => onChange(event.target.value)}
      />
    </label>
  );
}
