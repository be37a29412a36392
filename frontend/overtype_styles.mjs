// OverType writes style attributes and a style element, which the policy of our pages refuses. While it is bundled,
// they become what the policy allows: data attributes, and a style sheet made by script. A text that is no longer in
// a newer version of the package fails the build.
import { readFile } from "node:fs/promises";

const CHANGES = [
  ['style="anchor-name: ${anchorName}"', 'data-link="${anchorName}"', 2],
  ['a[style*="--link-${linkIndex}"]', 'a[data-link="--link-${linkIndex}"]', 1],
  ['<span style="display: flex; align-items: center; gap: 6px;">', "<span>", 1],
  [' style="flex-shrink: 0;"', "", 1],
  [
    `const styleEl = document.createElement("style");
    styleEl.className = "overtype-styles";
    styleEl.textContent = styles;
    document.head.appendChild(styleEl);`,
    `if (!_OverType.sheet) {
      _OverType.sheet = new CSSStyleSheet();
      document.adoptedStyleSheets.push(_OverType.sheet);
    }
    _OverType.sheet.replaceSync(styles);`,
    1,
  ],
];

export const withoutInlineStyles = {
  name: "without inline styles",
  setup(build) {
    build.onLoad({ filter: /[\\/]overtype[\\/]dist[\\/]overtype\.esm\.js$/ }, async ({ path }) => {
      let contents = await readFile(path, "utf8");
      for (const [before, after, times] of CHANGES) {
        const parts = contents.split(before);
        if (parts.length !== times + 1) throw new Error(`overtype has changed: look for ${before}`);
        contents = parts.join(after);
      }
      return { contents, loader: "js" };
    });
  },
};
