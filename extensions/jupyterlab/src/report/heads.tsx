import React, { useContext } from 'react';

import { Still } from './still';

interface IHeadsProps<Key extends string> {
  /** what each column is sorted by, its title, and whether it has figures */
  heads: readonly (readonly [Key, string, boolean])[];
  /** by what the rows are sorted, if by anything */
  order: { key: Key; descending: boolean } | null;
  onPress: (key: Key) => void;
}

/** The heads of columns by which a table can be sorted; titles alone where nothing can be pressed. */
export function Heads<Key extends string>({ heads, order, onPress }: IHeadsProps<Key>): JSX.Element {
  const still = useContext(Still);
  return (
    <>
      {heads.map(([key, title, figures]) => {
        const sorted = order?.key !== key ? undefined : order.descending ? 'descending' : 'ascending';
        return (
          <th key={key} scope="col" aria-sort={sorted} className={figures ? 'rw-num' : undefined}>
            {still ? (
              title
            ) : (
              <button type="button" className="rw-sort" onClick={() => onPress(key)}>
                {title}
                <span className="rw-order" aria-hidden="true">
                  {sorted === 'ascending' ? '▲' : sorted === 'descending' ? '▼' : ''}
                </span>
              </button>
            )}
          </th>
        );
      })}
    </>
  );
}
