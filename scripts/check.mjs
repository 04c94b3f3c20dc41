// `npm run check`, the whole check: every step runs, whatever the others said; the last lines say which failed.
// `npm run check -- lint types` runs only the steps named.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const bin = name => join('node_modules/.bin', name)

const steps = {
  lint: () => run(bin('biome'), 'check', '--error-on-warnings', '.'),
  arrows: () => run(process.execPath, 'scripts/arrows.mjs'),
  // The build is what the tests run on, and what publint looks at.
  types: () => run(process.execPath, 'scripts/build.mjs'),
  proto: () => run(bin('buf'), 'lint'),
  generated: () => isFresh(),
  unused: () => run(bin('knip')),
  package: () => run(bin('publint'), '--pack', 'false', '--strict'),
  tests: () => run(bin('c8'), 'npm', 'test'),
}

function run(command, ...argv) {
  return spawnSync(command, argv, { stdio: 'inherit' }).status === 0
}

/** The committed code is what the generator makes of the protocol now. */
function isFresh() {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-generated-'))
  try {
    execFileSync(bin('buf'), ['generate', '--output', folder], { stdio: 'inherit' })
    const made = join(folder, 'proto/gen')
    execFileSync(process.execPath, ['scripts/descriptor.mjs', made], { stdio: 'inherit' })
    const names = [...new Set([...readdirSync(made), ...readdirSync('proto/gen')])]
    const stale = names.filter(name => textOf(join(made, name)) !== textOf(join('proto/gen', name)))
    for (const name of stale) console.error(`proto/gen/${name} is not what the protocol says: npm run generate`)
    return stale.length === 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(steps)
const failed = []
for (const name of wanted) {
  if (!(name in steps)) {
    console.error(`there is no step "${name}"; there are: ${Object.keys(steps).join(', ')}`)
    process.exit(2)
  }
  console.error(`\n== ${name}`)
  const begun = performance.now()
  let passed = false
  try {
    passed = steps[name]()
  } catch (error) {
    console.error(error.message)
  }
  if (!passed) failed.push(name)
  console.error(`== ${name} ${passed ? 'passed' : 'FAILED'} in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
}
console.error(failed.length === 0 ? '\nall checks passed' : `\nfailed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
