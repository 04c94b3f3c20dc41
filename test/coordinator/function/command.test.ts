import test from 'ava'
import { commandFunction } from '../../../coordinator/function/command.js'

test('the words of a command stay as they are', t => {
  const argv = ['/usr/bin/convert', '{}', '-resize', '50%', '', '{}.png']
  t.deepEqual(commandFunction(argv), {
    runner: 'exec',
    name: 'convert',
    entry: '',
    function: '',
    command: { argv, shell: false },
  })
  t.like(commandFunction(['sort {} | uniq -c'], { shell: true }), { name: 'sort', command: { shell: true } })
})

test('no command, an empty one and a NUL are refused', t => {
  t.throws(() => commandFunction([]), { message: /no command after "--"/ })
  t.throws(() => commandFunction(['']), { message: /no command after "--"/ })
  t.throws(() => commandFunction(['echo', 'a\0b']), { message: /Word 2/ })
})
