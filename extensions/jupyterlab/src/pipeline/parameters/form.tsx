import * as React from 'react';
import { usePage } from '../../page';
import { ILabParameter } from '../../records';
import { Input } from './input';
import { Checked, checked, overridden, Written, written } from './values';

interface IFormProps {
  parameters: ILabParameter[];
  busy: boolean;
  onRun(values: { [name: string]: unknown }): void;
}

/** The parameters of a task as a form; a run with other values is made aside. */
export function ParametersForm({ parameters, busy, onRun }: IFormProps): JSX.Element {
  const { trans } = usePage();
  const [fields, setFields] = React.useState<{ [name: string]: Written }>({});
  const field = (p: ILabParameter): Written => (p.name in fields ? fields[p.name] : written(p, p.value));
  const open = parameters.filter(p => !p.secret);
  const found = new Map<string, Checked>(open.map(p => [p.name, checked(p, field(p), trans)]));
  const changed = open.filter(p => p.name in fields && fields[p.name] !== written(p, p.value));
  const wrong = changed.some(p => found.get(p.name)?.error !== undefined);
  const ready = !busy && !wrong && changed.length > 0;
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    if (ready) {
      onRun(Object.fromEntries(changed.map(p => [p.name, found.get(p.name)?.value])));
    }
  };
  return (
    <form className="rw-form" onSubmit={submit} noValidate>
      {parameters.map(p => (
        <Field
          key={p.name}
          parameter={p}
          value={field(p)}
          error={changed.includes(p) ? found.get(p.name)?.error : undefined}
          changed={changed.includes(p)}
          onChange={value => setFields(before => ({ ...before, [p.name]: value }))}
        />
      ))}
      <p className="rw-quiet">
        {trans.__(
          'A run with other values is made aside: the notebook and the pipeline’s products stay as they are.'
        )}
      </p>
      <div className="rw-actions">
        <button className="rw-button" type="submit" disabled={!ready}>
          {trans.__('Run aside with these values')}
        </button>
        {changed.length > 0 && (
          <button className="rw-button" type="button" onClick={() => setFields({})}>
            {trans.__('Reset')}
          </button>
        )}
      </div>
    </form>
  );
}

interface IFieldProps {
  parameter: ILabParameter;
  value: Written;
  error?: string;
  changed: boolean;
  onChange(value: Written): void;
}

function Field({ parameter, value, error, changed, onChange }: IFieldProps): JSX.Element {
  const { trans } = usePage();
  const id = React.useId();
  const other = !parameter.secret && overridden(parameter);
  const notes =
    [parameter.help && `${id}-help`, other && `${id}-default`, error && `${id}-error`]
      .filter(Boolean)
      .join(' ') || undefined;
  const name = (
    <>
      <span className="rw-name">{parameter.name}</span>
      <span className="rw-quiet">{parameter.annotation || parameter.type}</span>
    </>
  );
  return (
    <div className="rw-field" data-changed={changed}>
      {parameter.secret ? (
        <p className="rw-label">{name}</p>
      ) : (
        <label htmlFor={id} className="rw-label">
          {name}
        </label>
      )}
      {parameter.secret ? (
        <p className="rw-quiet">{trans.__('A secret: its value is not shown.')}</p>
      ) : (
        <Input
          id={id}
          parameter={parameter}
          value={value}
          notes={notes}
          wrong={Boolean(error)}
          onChange={onChange}
        />
      )}
      {error && (
        <p className="rw-wrong" id={`${id}-error`}>
          {error}
        </p>
      )}
      {parameter.help && (
        <p className="rw-quiet" id={`${id}-help`}>
          {parameter.help}
        </p>
      )}
      {other && (
        <p className="rw-quiet" id={`${id}-default`}>
          {trans.__('Default in the cell: %1', parameter.written)}
        </p>
      )}
      {parameter.key && <p className="rw-quiet">{trans.__('Set by %1 in env.yaml', parameter.key)}</p>}
    </div>
  );
}
