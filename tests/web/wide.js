// What is wider than the window.

/** Elements that can be scrolled sideways, and the page itself. Runs in the page. */
export const tooWide = () => {
  const wide = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) wide.push(`page ${root.scrollWidth} > ${innerWidth}`);
  for (const el of document.querySelectorAll("body *")) {
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(el).overflowX);
    if (scrolls && el.scrollWidth > el.clientWidth + 1) wide.push(`${el.tagName}.${el.className} ${el.scrollWidth} > ${el.clientWidth}`);
    const box = el.getBoundingClientRect();
    const out = box.width > 0 && box.height > 0 && (box.left < -1 || box.right > innerWidth + 1);
    if (out && el.matches("button, input, textarea, a, h1, h2, p")) wide.push(`${el.tagName}.${el.className} ${Math.round(box.left)}…${Math.round(box.right)} of ${innerWidth}`);
  }
  return wide;
};
