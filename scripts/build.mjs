// `npm run build`, and what `npm ci` runs: compiles, puts the runners' other files beside the code, joins the command's modules
// and links the command.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
/** Packages that the command needs in part, or always. */
const INSIDE = ['@bufbuild/protobuf', 'commander']
// Deleted sources must not live on as compiled tests.
rmSync('dist', { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], { stdio: 'inherit' })
mkdirSync('dist/agent/runner/python', { recursive: true })
cpSync('agent/runner/python/child.py', 'dist/agent/runner/python/child.py')
const { build } = await import('esbuild')
const shared = {
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
}
for (const runner of ['node', 'exec']) await joinWorker(`dist/agent/runner/${runner}/child.js`)
const COMMAND = 'dist/coordinator/command/main.cjs'
await joinCommand()
chmodSync(COMMAND, 0o755)
rmSync('node_modules/.bin/manyhands', { force: true })
if (existsSync('node_modules/.bin')) symlinkSync(`../../${COMMAND}`, 'node_modules/.bin/manyhands')

/**
 * A job on this machine needs some 110 modules, and Node takes 0.5 ms to find and link each, and 25 ms to compile them. Joined they are one
 * script, of which what V8 compiled can be kept: coordinator/compiled.ts does that. What is imported when it is needed still is.
 */
async function joinCommand() {
  const joined = 'dist/coordinator/command/joined.cjs'
  await build({
    ...shared,
    entryPoints: ['dist/coordinator/main.js'],
    outfile: joined,
    external: Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies).filter(
      name => !INSIDE.includes(name),
    ),
    banner: {
      js: `// With parts of @bufbuild/protobuf, Copyright Buf Technologies, Inc., Apache-2.0, and of commander, Copyright TJ Holowaychuk, MIT.
(function (require, __dirname, __manyhandsImport) {
const __manyhandsPlace = path => require('node:url').pathToFileURL(require('node:path').join(__dirname, '../..', path)).href`,
    },
    footer: { js: '})' },
    define: { 'import.meta.url': 'here' },
    plugins: [{ name: 'places', setup: keepPlaces }],
  })
  await build({
    ...shared,
    entryPoints: ['dist/coordinator/compiled.js'],
    outfile: COMMAND,
    define: {
      HERE: '__dirname',
      BUILD: JSON.stringify(createHash('sha256').update(readFileSync(joined)).digest('hex').slice(0, 16)),
    },
    banner: { js: '#!/usr/bin/env node' },
  })
  // It runs joined only.
  for (const file of ['js', 'js.map', 'd.ts']) rmSync(`dist/coordinator/compiled.${file}`)
}

/** A worker that loads one file is ready in two thirds of the time. */
async function joinWorker(child) {
  await build({
    ...shared,
    entryPoints: [child],
    outfile: child,
    allowOverwrite: true,
    format: 'esm',
    // Node reads a worker's map as it starts, for the sake of the user's files: 10 ms. Only who measures coverage wants ours.
    sourcemap: process.env.NODE_V8_COVERAGE !== undefined,
    banner: {
      js: `const __manyhandsPlace = path => new URL(\`${'../'.repeat(child.split('/').length - 2)}\${path}\`, import.meta.url).href
const __manyhandsImport = path => import(path)`,
    },
    define: { 'import.meta.url': 'here' },
    plugins: [{ name: 'places', setup: keepPlaces }],
  })
}

/**
 * Modules that look for files beside themselves find them where they were; and what is not joined is imported by the file that runs the
 * joined ones, since code that was kept cannot.
 */
function keepPlaces({ onLoad }) {
  onLoad({ filter: /[\\/]dist[\\/].*\.js$/ }, ({ path }) => {
    const text = readFileSync(path, 'utf8').replace(/^#!.*/, '')
    const contents = text.replace(/\bimport\((?!'\.)/g, '__manyhandsImport(')
    if (!text.includes('import.meta.url')) return { contents }
    return { contents: `const here = __manyhandsPlace(${JSON.stringify(relative('dist', path))});${contents}` }
  })
}
