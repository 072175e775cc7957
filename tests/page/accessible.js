// SPDX-License-Identifier: GPL-2.0-or-later
// What is wrong with the page for those who see badly or not at all, or "fine"
(() => {
	const found = [];

	// WCAG 2.1: relative luminance, contrast ratio
	const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
	const light = (colour) => {
		const [r, g, b] = parts(colour).map((c) => c / 255)
			.map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const colour = getComputedStyle(e).backgroundColor;
			const alpha = parts(colour)[3];
			if (alpha === undefined || alpha > 0)
				return colour;
		}
		return "rgb(255, 255, 255)";
	};
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let text = walk.nextNode(); text; text = walk.nextNode()) {
		const e = text.parentElement;
		if (!text.data.trim() || /^(SCRIPT|STYLE|NOSCRIPT)$/.test(e.tagName))
			continue;
		const both = [light(getComputedStyle(e).color), light(behind(e))];
		const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
		if (ratio < 4.5)
			found.push(`"${text.data.trim()}" has a contrast of ${ratio.toFixed(2)}`);
	}

	if (!document.documentElement.lang)
		found.push("no language");
	for (const e of document.querySelectorAll("input"))
		if (!e.labels.length)
			found.push("an input without label");
	for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
		for (const a of ["aria-labelledby", "aria-describedby"])
			for (const id of (e.getAttribute(a) || "").split(" ").filter(Boolean))
				if (!document.getElementById(id))
					found.push(`${a} names ${id}, which is not there`);
	const heads = document.querySelectorAll("thead th").length;
	for (const tr of document.querySelectorAll("tbody tr"))
		if (tr.children.length !== heads || tr.querySelectorAll("th[scope=row]").length !== 1)
			found.push("a row that does not fit its heads");
	return found.join("\n") || "fine";
})()
