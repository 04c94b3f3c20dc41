// `npm run build`, and what `npm ci` runs: compiles, puts the runners' other files beside the code, joins the command's modules
// and links the command.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
/** What is imported when it is needed, joined by what needs it: jobs on this machine; other commands; NATS. */
const JOINED = {
  local: [
    ...['settings', 'map', 'remembered', 'run', 'reduce', 'config', 'explain', 'foreseen'].map(name => `cli/${name}`),
    ...['reduce', 'local', '../agent/ahead', '../agent/slots', '../agent/cache-folder'],
    ...['function/reference', 'function/built-in', 'function/command', 'function/bundle-node'],
    ...['input/range', 'input/open', 'output/open'],
  ],
  others: ['cli/agent', 'cli/up', 'cli/bench', 'cli/doctor', 'cli/inline'],
  nats: ['cluster', '../agent/main', '../proto/transport/open'],
}
// Deleted sources must not live on as compiled tests.
rmSync('dist', { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], { stdio: 'inherit' })
mkdirSync('dist/agent/runner/python', { recursive: true })
for (const file of ['agent/runner/python/child.py']) if (existsSync(file)) cpSync(file, `dist/${file}`)
if (existsSync('dist/coordinator/main.js')) {
  await joinCommand()
  chmodSync('dist/coordinator/main.js', 0o755)
  rmSync('node_modules/.bin/manyhands', { force: true })
  symlinkSync('../../dist/coordinator/main.js', 'node_modules/.bin/manyhands')
}

/**
 * A job on this machine needs some 110 modules, and Node takes 0.5 ms to find and link each. Joined, they are a few files; and what
 * is imported when it is needed is one of them all, as far as it brings no package: to split it would make 40 out of it again.
 */
async function joinCommand() {
  const { build } = await import('esbuild')
  await build({
    entryPoints: ['dist/coordinator/main.js'],
    outdir: 'dist/coordinator/command',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // The reader and writer of the wire format alone: 20 modules of it would be loaded.
    external: Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies).filter(
      name => name !== '@bufbuild/protobuf',
    ),
    minifyWhitespace: true,
    sourcemap: true,
    banner: {
      js: `// With parts of @bufbuild/protobuf, Copyright Buf Technologies, Inc., Apache-2.0.
const __manyhandsPlace = path => new URL(\`../../\${path}\`, import.meta.url).href`,
    },
    define: { 'import.meta.url': 'here' },
    plugins: [
      { name: 'places', setup: keepPlaces },
      { name: 'joined', setup: joinLater },
    ],
    logLevel: 'warning',
  })
  writeFileSync('dist/coordinator/main.js', "#!/usr/bin/env node\nimport './command/main.js'\n")
  rmSync('dist/coordinator/main.js.map')
}

/** Modules that look for files beside themselves find them where they were. */
function keepPlaces({ onLoad }) {
  onLoad({ filter: /[\\/]dist[\\/].*\.js$/ }, ({ path }) => {
    const text = readFileSync(path, 'utf8').replace(/^#!.*/, '')
    if (!text.includes('import.meta.url')) return undefined
    return { contents: `const here = __manyhandsPlace(${JSON.stringify(relative('dist', path))});${text}` }
  })
}

function joinLater({ onResolve, onLoad }) {
  const groups = new Map(
    Object.entries(JOINED).map(([group, names]) => [group, names.map(name => resolve(`dist/coordinator/${name}.js`))]),
  )
  onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
    if (kind !== 'dynamic-import') return undefined
    for (const [group, paths] of groups)
      if (paths.includes(resolve(resolveDir, path))) return { path: group, namespace: 'joined' }
    return undefined
  })
  onLoad({ filter: /./, namespace: 'joined' }, async ({ path: group }) => {
    const paths = groups.get(group)
    const names = (await Promise.all(paths.map(path => import(path)))).flatMap(Object.keys)
    const twice = names.filter((name, at) => names.indexOf(name) !== at)
    if (twice.length > 0) throw new Error(`more than one of the modules joined exports: ${twice.join(', ')}`)
    return { contents: paths.map(path => `export * from ${JSON.stringify(path)}`).join('\n'), resolveDir: root }
  })
}
