// Bundles every script at the top of this folder, with what it imports from packages, into one script and at most one
// style sheet each, named by their content. `node build.mjs FOLDER SOURCES`: FOLDER is where they go, SOURCES the hash
// of what they are made from, which the manifest keeps. The same sources give the same bytes on every machine.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { withoutInlineStyles } from "./overtype_styles.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const [folder, sources] = process.argv.slice(2);
const MANIFEST = "manifest.json";
const LICENCES = "licences.txt";

const entries = readdirSync(here).filter((name) => name.endsWith(".js")).sort();
const result = await build({
  absWorkingDir: here,
  entryPoints: entries,
  outdir: folder,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  // Licences go into a file of their own.
  legalComments: "none",
  metafile: true,
  write: false,
  logLevel: "warning",
  plugins: [withoutInlineStyles],
});

const files = {};
for (const output of result.outputFiles) {
  const name = basename(output.path);
  const extension = extname(name);
  const hash = createHash("sha256").update(output.contents).digest("hex").slice(0, 16);
  files[name] = { file: `${basename(name, extension)}-${hash}${extension}`, contents: output.contents };
}
write(files, licences(result.metafile));

// The manifest comes last and at once: whoever reads it finds every file that it names.
function write(files, licenceTexts) {
  mkdirSync(folder, { recursive: true });
  const kept = new Set([MANIFEST, LICENCES]);
  for (const { file, contents } of Object.values(files)) {
    kept.add(file);
    writeFileSync(join(folder, file), contents);
  }
  writeFileSync(join(folder, LICENCES), licenceTexts);
  const named = Object.fromEntries(Object.entries(files).map(([name, { file }]) => [name, file]));
  const draft = join(folder, `${MANIFEST}.${process.pid}`);
  writeFileSync(draft, `${JSON.stringify({ sources, files: named }, null, 2)}\n`);
  renameSync(draft, join(folder, MANIFEST));
  for (const name of readdirSync(folder)) {
    if (!kept.has(name)) rmSync(join(folder, name));
  }
}

// The licences of the packages of which something is in a bundle, and of what they need: some come bundled already.
function licences(metafile) {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  const found = new Set();
  const waiting = inputs.map(packageOf).filter(Boolean);
  for (const name of waiting) {
    if (found.has(name) || !existsSync(join(here, "node_modules", name))) continue;
    found.add(name);
    waiting.push(...Object.keys(about(name).dependencies ?? {}));
  }
  return [...found].sort().map(licence).join("\n");
}

function packageOf(input) {
  const found = input.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  return found && found[1];
}

function about(name) {
  return JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8"));
}

function licence(name) {
  const { version, license, author } = about(name);
  const place = join(here, "node_modules", name);
  const text = readdirSync(place).filter((file) => /^licen[cs]e(\.(md|txt))?$/i.test(file)).sort()[0];
  const by = author?.name ?? author;
  const words = text
    ? readFileSync(join(place, text), "utf8").trim()
    : `Published under the licence ${license}${by ? ` by ${by}` : ""}; the package holds no text of it.`;
  return `${name} ${version} (${license})\n${"-".repeat(72)}\n${words}\n`;
}
