import * as React from 'react';
import { usePage } from '../../page';
import { ILabParameter } from '../../records';
import { literal, Written, written } from './values';

interface IInputProps {
  id: string;
  parameter: ILabParameter;
  value: Written;
  /** ids of the words that describe it */
  notes?: string;
  wrong: boolean;
  onChange(value: Written): void;
}

/** The field of a parameter, by its type; one that may be None has a mark for it. */
export function Input({ id, parameter, value, notes, wrong, onChange }: IInputProps): JSX.Element {
  const { trans } = usePage();
  const none = value === null;
  const some = () => written({ ...parameter, optional: false }, parameter.value) ?? '';
  return (
    <div className="rw-input-row">
      <Entry id={id} parameter={parameter} value={value} notes={notes} wrong={wrong} onChange={onChange} />
      {parameter.optional && (
        <label className="rw-none">
          <input type="checkbox" checked={none} onChange={e => onChange(e.target.checked ? null : some())} />
          {trans.__('None')}
        </label>
      )}
    </div>
  );
}

function Entry({ id, parameter, value, notes, wrong, onChange }: IInputProps): JSX.Element {
  const { type, choices } = parameter;
  const none = value === null;
  const common = {
    id,
    'aria-describedby': notes,
    'aria-invalid': wrong,
    disabled: none,
    className: 'rw-input'
  };
  if (type === 'boolean') {
    return (
      <input
        {...common}
        type="checkbox"
        checked={value === true}
        onChange={e => onChange(e.target.checked)}
      />
    );
  }
  const text = none ? '' : String(value);
  if (type === 'choice') {
    return (
      <select {...common} value={text} onChange={e => onChange(e.target.value)}>
        {none && <option value="" />}
        {choices.map(choice => (
          <option key={choice} value={choice}>
            {typeof literal(choice) === 'string' ? String(literal(choice)) : choice}
          </option>
        ))}
      </select>
    );
  }
  const mode = type === 'integer' ? 'numeric' : type === 'number' ? 'decimal' : undefined;
  return (
    <input {...common} type="text" inputMode={mode} value={text} onChange={e => onChange(e.target.value)} />
  );
}
