// Tables that sort and filter, a choice of data set, n and arms, and values under the pointer. Without it the page is whole.
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const make = (name, set = {}, inside = []) => {
    const element = Object.assign(document.createElement(name), set);
    element.append(...inside);
    return element;
  };
  const number = (text) => {
    const plain = text.replace(/[,\s]/g, "").replace("−", "-").replace("∞", "Infinity").replace(/^<(.*)$/, "0");
    return plain === "" ? NaN : Number(plain);
  };
  const text = (row, at) => (row.cells[at] ? row.cells[at].textContent.trim() : "");

  // What hides a row: its table's filter, and the choice for the whole page.
  const chosen = { dataset: "", n: "", left: new Set() };
  const tables = all("main .scroll > table").map((table) => {
    const names = all("th", table).map((cell) => cell.textContent.trim());
    return { table, names, rows: [...table.tBodies[0].rows], wanted: "", said: null };
  });
  const column = (one, ...names) => one.names.map((name, at) => (names.includes(name) ? at : -1)).filter((at) => at >= 0);
  // A test set from elsewhere ("own -> other") goes with its own data set.
  const belongs = (dataset) => !chosen.dataset || dataset === chosen.dataset || dataset.startsWith(`${chosen.dataset} -> `);
  const fits = (one, row) =>
    column(one, "dataset").every((at) => belongs(text(row, at))) &&
    column(one, "n per class").every((at) => !chosen.n || text(row, at) === chosen.n) &&
    !column(one, "arm", "arm a", "arm b").some((at) => chosen.left.has(text(row, at))) &&
    row.textContent.toLowerCase().includes(one.wanted);
  const show = (one) => {
    one.rows.forEach((row) => (row.hidden = !fits(one, row)));
    const count = one.rows.filter((row) => !row.hidden).length;
    if (one.said) one.said.textContent = count < one.rows.length ? `${count} of ${one.rows.length} rows` : "";
  };

  tables.forEach((one) => {
    const { table, rows } = one;
    if (rows.length < 2) return;
    all("th", table).forEach((head, at) => {
      const name = head.textContent;
      const button = make("button", { type: "button", className: "sort", title: "Sort by this column" }, [name]);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const numeric = rows.every((row) => text(row, at) === "" || !Number.isNaN(number(text(row, at))));
        const compare = (a, b) => {
          const [x, y] = [text(a, at), text(b, at)];
          if (x === "" || y === "") return (x === "") - (y === "");
          return (up ? 1 : -1) * (numeric ? number(x) - number(y) || 0 : x.localeCompare(y, "en", { numeric: true }));
        };
        table.tBodies[0].append(...[...rows].sort(compare));
      });
    });
    if (rows.length < 7) return;
    const name = table.closest("section").querySelector("h3").textContent;
    const field = make("input", { type: "search", placeholder: "filter rows", ariaLabel: `Filter the rows of: ${name}` });
    one.said = make("span", { role: "status" });
    one.said.setAttribute("role", "status");
    field.addEventListener("input", () => {
      one.wanted = field.value.trim().toLowerCase();
      show(one);
    });
    table.parentElement.before(make("p", { className: "filter" }, [field, " ", one.said]));
  });

  // One choice for all tables, offered where there is more than one thing to choose from.
  const values = (...names) => [
    ...new Set(tables.flatMap((one) => column(one, ...names).flatMap((at) => one.rows.map((row) => text(row, at)))).filter(Boolean)),
  ];
  const apply = () => {
    tables.forEach(show);
    all("[data-dataset]").forEach((block) => {
      const { dataset, n } = block.dataset;
      const other = !belongs(dataset) && !chosen.dataset.startsWith(`${dataset} -> `);
      block.hidden = other || (chosen.n && n !== "0" && n !== chosen.n) || false;
    });
  };
  const choice = (label, key, options) => {
    const select = make("select", {}, [make("option", { value: "" }, ["all"]), ...options.map((value) => make("option", { value }, [value]))]);
    select.addEventListener("change", () => {
      chosen[key] = select.value;
      apply();
    });
    return make("label", {}, [`${label} `, select]);
  };
  const [datasets, sizes] = [values("dataset"), values("n per class").sort((a, b) => number(a) - number(b))];
  const arms = all("#table-arms tbody tr").length ? [...new Set(tables.filter((one) => one.table.closest("#table-arms")).flatMap((one) => one.rows.map((row) => text(row, column(one, "arm")[0]))))] : [];
  const parts = [
    ...(datasets.length > 1 ? [choice("data set", "dataset", datasets)] : []),
    ...(sizes.length > 1 ? [choice("n per class", "n", sizes)] : []),
  ];
  if (arms.length > 1 && arms.length < 13)
    parts.push(
      ...arms.map((arm) => {
        const box = make("input", { type: "checkbox", checked: true });
        box.addEventListener("change", () => {
          chosen.left[box.checked ? "delete" : "add"](arm);
          apply();
        });
        return make("label", {}, [box, ` ${arm}`]);
      }),
    );
  const nav = document.querySelector("nav");
  if (parts.length && nav) nav.after(make("fieldset", { className: "pick" }, [make("legend", {}, ["Show in tables and findings"]), ...parts]));

  // Values under the pointer: of the nearest mark within reach, else of the place itself.
  const tip = make("div", { className: "tip", hidden: true });
  document.body.append(tip);
  const short = (value) => (Math.abs(value) >= 1000 || Number.isInteger(value) ? value.toFixed(0) : Number(value.toPrecision(3)).toString());
  const read = (axis, part) => {
    const [low, high] = axis.log ? axis.range.map(Math.log10) : axis.range;
    const value = low + part * (high - low);
    const at = axis.log ? 10 ** value : value;
    if (!axis.ticks) return `${axis.name || ""} ${short(at)}`.trim();
    const near = axis.ticks.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a));
    return Math.abs(near[0] - at) < 0.5 ? near[1] : "";
  };
  all(".picture svg[data-axes]").forEach((svg) => {
    const { axes, series } = JSON.parse(svg.dataset.axes);
    svg.addEventListener("pointerleave", () => (tip.hidden = true));
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      let [x, y, who] = [event.clientX, event.clientY, ""];
      let reach = 14;
      const panels = axes.map(({ at: [l, b, r, t] }) => new DOMRect(box.x + l * box.width, box.y + (1 - t) * box.height, (r - l) * box.width, (t - b) * box.height));
      all("use", svg).forEach((mark) => {
        const of = mark.getBoundingClientRect();
        const [u, v] = [of.x + of.width / 2, of.y + of.height / 2];
        const far = Math.hypot(u - event.clientX, v - event.clientY);
        const colours = (mark.getAttribute("style") || "").match(/#[0-9a-f]{6}/g) || [];
        if (far < reach && colours.length && panels.some((panel) => u > panel.x + 1 && u < panel.right - 1 && v > panel.y + 1 && v < panel.bottom - 1)) {
          [reach, x, y] = [far, u, v];
          who = colours.map((colour) => series[colour]).find(Boolean) || "";
        }
      });
      const [across, down] = [(x - box.x) / box.width, 1 - (y - box.y) / box.height];
      const panel = axes.find(({ at: [l, b, r, t] }) => across >= l && across <= r && down >= b && down <= t);
      tip.hidden = !panel;
      if (!panel) return;
      const [l, b, r, t] = panel.at;
      const said = [who, read(panel.y, (down - b) / (t - b)), read(panel.x, (across - l) / (r - l))];
      tip.textContent = said.filter(Boolean).join(", ");
      tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 20 - tip.offsetWidth)}px`;
      tip.style.top = `${event.clientY + 16}px`;
    });
  });
})();
