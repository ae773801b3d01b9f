import { ILabEvent } from '../records';
import { Told } from '../told';

const event: ILabEvent = {
  kind: 'alert',
  project: 'late-flights',
  at: '2013-06-01T00:00:00Z',
  title: '2 columns drifted',
  message: '',
  severity: 'warning',
  job: null,
  state: null,
  run: null,
  alert: 7,
  report: null,
  version_from: null,
  version_to: null
};

describe('Told', () => {
  it('tells an event once, over reloads of the page', () => {
    window.sessionStorage.clear();
    expect(new Told(window.sessionStorage).first(event)).toBe(true);
    const reloaded = new Told(window.sessionStorage);
    expect(reloaded.first(event)).toBe(false);
    expect(reloaded.first({ ...event, alert: 8 })).toBe(true);
    expect(reloaded.first({ ...event, severity: 'critical' })).toBe(true);
    expect(reloaded.first({ ...event, project: 'other' })).toBe(true);
  });

  it('forgets what was told long ago, and survives what others wrote', () => {
    window.sessionStorage.setItem('roadworthy:told', '{"not": "a list"}');
    const told = new Told(window.sessionStorage);
    for (let alert = 0; alert < 300; alert++) {
      told.first({ ...event, alert });
    }
    expect(JSON.parse(window.sessionStorage.getItem('roadworthy:told') ?? '')).toHaveLength(200);
  });

  it('remembers by itself where the browser keeps nothing', () => {
    const full = {
      getItem: () => null,
      setItem: () => {
        throw new Error('full');
      }
    };
    const told = new Told(full);
    expect([told.first(event), told.first(event)]).toEqual([true, false]);
  });
});
