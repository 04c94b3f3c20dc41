import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { behindPyenv } from '../../../../agent/runner/python/pyenv.js'

const folder = mkdtempSync(join(tmpdir(), 'manyhands-pyenv-'))
const root = join(folder, 'pyenv')
const shim = join(root, 'shims/python3')
const project = join(folder, 'project')
const inside = join(project, 'src/deep')

const executable = (file: string, text = ''): void => {
  writeFileSync(file, text)
  chmodSync(file, 0o755)
}
for (const version of ['3.9.1', '3.11.7', '3.12.1'])
  mkdirSync(join(root, 'versions', version, 'bin'), { recursive: true })
for (const version of ['3.11.7', '3.12.1']) executable(join(root, 'versions', version, 'bin/python3'))
mkdirSync(join(root, 'shims'), { recursive: true })
mkdirSync(inside, { recursive: true })
executable(
  shim,
  `#!/usr/bin/env bash\nset -e\nprogram="\${0##*/}"\n\nexport PYENV_ROOT="${root}"\nexec "${root}/libexec/pyenv" exec "$program" "$@"\n`,
)
writeFileSync(join(root, 'version'), '3.11.7\n')
writeFileSync(join(project, '.python-version'), '# ours\n3.12.1  3.11.7\n')

const PATH = process.env['PATH'] ?? ''
const found = (environment: NodeJS.ProcessEnv, cwd = folder, file = shim): string | undefined =>
  behindPyenv(file, { PATH, ...environment }, cwd)?.at(-1)
const python = (version: string): string => join(root, 'versions', version, 'bin/python3')

test("the version is that of the environment, else of a file in the folder or above it, else the user's", t => {
  t.is(found({}), python('3.11.7'))
  t.is(found({}, inside), python('3.12.1'))
  t.is(found({ PYENV_DIR: inside }), python('3.12.1'))
  t.is(found({ PYENV_VERSION: '3.11.7:3.12.1' }, inside), python('3.11.7'))
})

test('what pyenv sets is set, so that what the function starts finds the same Python', t => {
  const [, ...rest] = behindPyenv(shim, { PATH }, inside) ?? []
  const bin = join(root, 'versions/3.12.1/bin')
  t.deepEqual(rest, ['PYENV_VERSION=3.12.1:3.11.7', `PATH=${bin}:${PATH}`, join(bin, 'python3')])
})

test('where pyenv would have to say, or the file is none of its shims, nothing is found', t => {
  for (const version of ['system', '3.9', '3.9.1', '2.7', '../..'])
    t.is(found({ PYENV_VERSION: version }), undefined, version)
  t.is(found({}, folder, python('3.11.7')), undefined)
  t.is(found({}, folder, process.execPath), undefined)
  t.is(found({}, folder, join(folder, 'missing')), undefined)
})
