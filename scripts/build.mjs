// `npm run build`, and what `npm ci` runs: compiles, puts the runners' other files beside the code, joins the modules of the library
// and of the command, and links the command.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
/** Packages of many files, of which the command and the library need some. */
const INSIDE = {
  command: ['@bufbuild/protobuf', 'commander'],
  library: ['@bufbuild/protobuf', 'acorn', 'eslint-scope', 'js-tokens'],
}
/** Where users' programs find the library. */
const LIBRARY = 'dist/coordinator/library/index.js'
/** At the head of what is joined. */
const LICENSES = '// With parts of other packages, whose licenses are in dist/coordinator/LICENSES.txt.'
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
const joined = [await joinCommand(), await joinLibrary()]
writeFileSync('dist/coordinator/LICENSES.txt', licensesOf(joined.flatMap(({ inputs }) => Object.keys(inputs))))
chmodSync(COMMAND, 0o755)
rmSync('node_modules/.bin/manyhands', { force: true })
if (existsSync('node_modules/.bin')) symlinkSync(`../../${COMMAND}`, 'node_modules/.bin/manyhands')

/**
 * A job on this machine needs some 110 modules, and Node takes 0.5 ms to find and link each, and 25 ms to compile them. Joined they are one
 * script, of which what V8 compiled can be kept: coordinator/compiled.ts does that. What is imported when it is needed still is.
 */
async function joinCommand() {
  const joined = 'dist/coordinator/command/joined.cjs'
  const { metafile } = await build({
    ...shared,
    entryPoints: ['dist/coordinator/main.js'],
    outfile: joined,
    external: outside('command'),
    metafile: true,
    banner: {
      js: `${LICENSES}
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
  return metafile
}

/** What a program's first call would wait for: some 190 modules one by one take 0.1 s, joined 0.04 s. What is imported when it is needed still is. */
async function joinLibrary() {
  const { metafile } = await build({
    ...shared,
    entryPoints: [{ in: 'dist/coordinator/map.js', out: 'index' }],
    outdir: dirname(LIBRARY),
    format: 'esm',
    splitting: true,
    external: outside('library'),
    metafile: true,
    banner: {
      js: `${LICENSES}
const __manyhandsPlace = path => new URL(\`../../\${path}\`, import.meta.url).href`,
    },
    define: { 'import.meta.url': 'here' },
    plugins: [{ name: 'places', setup: build => keepPlaces(build, { keepsImports: true }) }],
  })
  return metafile
}

/** The dependencies that are not joined. */
function outside(part) {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  return Object.keys(dependencies).filter(name => !INSIDE[part].includes(name))
}

/** Of the packages that joined files are made of; where one has no such file, the heads of its sources say it. */
function licensesOf(paths) {
  const sources = new Map()
  for (const path of paths) {
    const [folder] = /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []
    if (folder !== undefined) sources.set(folder, [...(sources.get(folder) ?? []), path])
  }
  const read = path => readFileSync(path, 'utf8')
  const headOf = path => /^\s*(?:\/\*[\s\S]*?\*\/|(?:\/\/.*\n)+)/.exec(read(path))?.[0].trim()
  const texts = [...sources].sort().map(([folder, files]) => {
    const { name, version, license } = JSON.parse(read(join(folder, 'package.json')))
    const file = readdirSync(folder).find(each => /^licen[cs]e/i.test(each))
    const parts = file === undefined ? new Set(files.map(headOf).filter(Boolean)) : [read(join(folder, file)).trim()]
    return [`${name} ${version}: ${license}`, ...parts].join('\n\n')
  })
  return `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
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
function keepPlaces({ onLoad }, { keepsImports = false } = {}) {
  onLoad({ filter: /[\\/]dist[\\/].*\.js$/ }, ({ path }) => {
    const text = readFileSync(path, 'utf8').replace(/^#!.*/, '')
    const contents = keepsImports ? text : text.replace(/\bimport\((?!'\.)/g, '__manyhandsImport(')
    if (!text.includes('import.meta.url')) return { contents }
    return { contents: `const here = __manyhandsPlace(${JSON.stringify(relative('dist', path))});${contents}` }
  })
}
