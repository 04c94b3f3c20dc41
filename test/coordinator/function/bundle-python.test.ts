import { mkdirSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { bundlePython } from '../../../coordinator/function/bundle-python.js'
import { FunctionError } from '../../../coordinator/function/function.js'
import { makeSandbox } from './sandbox.js'

test('the modules beside the entry and the packages below come along, sorted, and nothing else', t => {
  const sandbox = makeSandbox({
    'work.py': 'w',
    'Zebra.py': 'z',
    'data.csv': '1',
    '.hidden.py': 'h',
    'pack/__init__.py': '',
    'pack/a.py': 'a',
    'pack/inner/__init__.py': '',
    'pack/inner/deep.py': 'd',
    'pack/loose/b.py': 'no package',
    'loose/c.py': 'no package',
    '.git/__init__.py': '',
    '__pycache__/__init__.py': '',
    'venv/__init__.py': '',
    'own-env/__init__.py': '',
    'own-env/pyvenv.cfg': '',
    'node_modules/__init__.py': '',
  })
  t.teardown(sandbox.remove)
  symlinkSync('/etc', join(sandbox.folder, 'link'))
  symlinkSync('gone.py', join(sandbox.folder, 'dangling.py'))
  mkdirSync(join(sandbox.folder, 'folder.py'))
  const { files, entry } = bundlePython(join(sandbox.folder, 'work.py'))
  t.is(entry, 'work.py')
  const paths = files.map(({ path }) => path)
  t.deepEqual(paths, [
    'Zebra.py',
    'pack/__init__.py',
    'pack/a.py',
    'pack/inner/__init__.py',
    'pack/inner/deep.py',
    'work.py',
  ])
  t.is(new TextDecoder().decode(files.at(-1)?.content), 'w')
})

test('too many files and too many bytes are refused with what to do', t => {
  const sandbox = makeSandbox({ 'a.py': '', 'b.py': '', 'c.py': '' })
  t.teardown(sandbox.remove)
  const file = join(sandbox.folder, 'a.py')
  t.is(bundlePython(file, { files: 3, bytes: 10 }).files.length, 3)
  const many = t.throws(() => bundlePython(file, { files: 2, bytes: 10 }), { instanceOf: FunctionError })
  t.is(many.code, 'FUNCTION_SIZE')
  t.regex(many.message, /more than 2 Python files.*folder of its own/)
  truncateSync(join(sandbox.folder, 'b.py'), 100 * 2 ** 20)
  const large = t.throws(() => bundlePython(file), { instanceOf: FunctionError })
  t.regex(large.message, /104857600 bytes of Python \(at b\.py\); at most 33554432/)
})

test('names that only some hosts can hold are refused before anything is sent', t => {
  const sandbox = makeSandbox({ 'work.py': '', 'Work.py': '' })
  t.teardown(sandbox.remove)
  const error = t.throws(() => bundlePython(join(sandbox.folder, 'work.py')), { instanceOf: FunctionError })
  t.regex(error.message, /"work\.py": the name is there twice, case aside/)
})
