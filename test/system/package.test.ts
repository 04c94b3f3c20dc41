// What a user gets: the package as npm packs it, installed into an empty folder, and used from there.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'

const run = promisify(execFile)
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'manyhands-package-')))
const installed = join(folder, 'user/node_modules/manyhands')
let packed: readonly string[] = []

test.before('pack and install', async t => {
  t.timeout(240_000, 'npm needs its cache or a registry')
  // The tests run on the build that is packed: it must not be made anew under them.
  const argv = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  const { stdout } = await run('npm', argv, { maxBuffer: 2 ** 26 })
  const [tarball] = JSON.parse(stdout.slice(stdout.indexOf('['))) as { filename: string; files: { path: string }[] }[]
  if (tarball === undefined) throw new Error(`npm pack made nothing: ${stdout}`)
  packed = tarball.files.map(({ path }) => path)
  const user = join(folder, 'user')
  mkdirSync(user)
  writeFileSync(join(user, 'package.json'), '{ "name": "user", "private": true, "type": "module" }\n')
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--omit=dev']
  await run('npm', ['install', ...quiet, join(folder, tarball.filename)], { cwd: user, maxBuffer: 2 ** 26 })
})

test.after.always(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a program in the user's folder; what it says on stderr is in the error if it fails. */
async function inUserFolder(program: string, ...argv: string[]): Promise<string> {
  const { stdout } = await run(program, argv, { cwd: join(folder, 'user'), env: { ...process.env, NO_COLOR: '1' } })
  return stdout
}

test('the package holds what runs and what is read, and nothing of the workshop', t => {
  const needed = [
    ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'proto/wire.proto', 'proto/control.proto'],
    ...[
      'dist/coordinator/command/main.cjs',
      'dist/coordinator/command/joined.cjs',
      'dist/coordinator/library/index.js',
      'dist/coordinator/map.d.ts',
      'dist/coordinator/LICENSES.txt',
      'dist/agent/runner/python/child.py',
    ],
  ]
  for (const path of needed) t.true(packed.includes(path), `${path} is not in the package`)
  const strays = packed.filter(path =>
    /^dist\/(?:test|bench|examples)\/|^(?:test|scripts|coverage)\/|__pycache__|\.part$|\.tgz$/.test(path),
  )
  t.deepEqual(strays, [])
  t.true(existsSync(join(installed, 'dist/agent/runner/python/child.py')))
})

test('the installed command answers --help', async t => {
  t.regex(await inUserFolder('node_modules/.bin/manyhands', '--help'), /manyhands[\s\S]*\bmap\b/)
})

test("the installed command maps functions of the user's modules", async t => {
  const user = join(folder, 'user')
  writeFileSync(join(user, 'work.ts'), 'export const double = (x: number): number => x * 2\n')
  writeFileSync(join(user, 'work.py'), 'def triple(x):\n    return x * 3\n')
  const map = (reference: string, output: string) =>
    inUserFolder('node_modules/.bin/manyhands', 'map', reference, '--range', '0..5', '--output', output)
  await map('work.ts#double', 'doubled.jsonl')
  t.is(readFileSync(join(user, 'doubled.jsonl'), 'utf8'), '0\n2\n4\n6\n8\n')
  await map('work.py#triple', 'tripled.jsonl')
  t.is(readFileSync(join(user, 'tripled.jsonl'), 'utf8'), '0\n3\n6\n9\n12\n')
})

test('the installed library maps, and its types are there', async t => {
  const program = `
    import { Pool, range } from 'manyhands'
    const pool = new Pool()
    console.log(JSON.stringify(await pool.map(Math.sqrt, [4, 9])), JSON.stringify(await pool.map(x => x + 1, range(0, 3))))
    await pool.close()
  `
  t.is(await inUserFolder(process.execPath, '--input-type=module', '-e', program), '[2,3] [1,2,3]\n')
  const types = (
    JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { exports: { '.': { types: string } } }
  ).exports
  t.true(existsSync(join(installed, types['.'].types)))
})
