import test from 'ava'
import { nearest, suggest } from '../../../coordinator/cli/nearest.js'

const flags = ['--range', '--input', '--output', '--output-format', '--slots', '--shard-size', '--timeout']

test('a mistyped name finds the one that was meant', t => {
  for (const [typed, meant] of [
    ['--slot', '--slots'],
    ['--rnage', '--range'],
    ['--outputformat', '--output-format'],
    ['--shard_size', '--shard-size'],
    ['--time', '--timeout'],
  ] as const) {
    t.deepEqual(nearest(typed, flags), { name: meant, likely: true }, typed)
  }
})

test('a name that is like none still names the nearest, and does not pretend', t => {
  t.regex(suggest('--zzzzzzzz', flags), /^The nearest that there is: --/)
  t.is(suggest('--slot', flags), 'Did you mean --slots?')
  t.is(suggest('x', []), '')
})
