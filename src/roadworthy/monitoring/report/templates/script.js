'use strict';
{
  const list = document.querySelector('.rw-columns');
  const tools = document.querySelector('.rw-tools');
  if (list && tools) {
    const [search, only, order, said] = ['search', 'only', 'order', 'said'].map((name) => tools.querySelector('.rw-' + name));
    const columns = [...list.children].map((item, place) => ({
      item, place, name: item.querySelector('h3').textContent.toLowerCase(), drift: 'drift' in item.dataset,
    }));
    const show = () => {
      const asked = search.value.trim().toLowerCase();
      let shown = 0;
      for (const one of columns) {
        one.item.hidden = !one.name.includes(asked) || (only.checked && !one.drift);
        shown += !one.item.hidden;
      }
      said.textContent = shown + ' of ' + columns.length + ' columns';
    };
    const sort = () => {
      const by = order.value === 'name' ? (a, b) => a.name.localeCompare(b.name) : (a, b) => a.place - b.place;
      list.append(...[...columns].sort(by).map((one) => one.item));
    };
    search.addEventListener('input', show);
    only.addEventListener('change', show);
    order.addEventListener('change', sort);
    tools.hidden = false;
    show();
  }
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const closed = target && target.closest('details');
    if (closed) closed.open = true;
  };
  addEventListener('hashchange', reveal);
  reveal();
}
