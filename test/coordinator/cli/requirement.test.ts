import test from 'ava'
import { figuresOfReceipt, parseRequirements, unmet } from '../../../coordinator/cli/requirement.js'
import { receipt } from './fixtures.js'

const missed = (text: string, failed = 0): string[] =>
  unmet(parseRequirements(text), figuresOfReceipt(receipt(), failed))

test('what holds is not spoken of, and what does not is, with its figure', t => {
  t.deepEqual(missed('speedup>=4'), [])
  t.deepEqual(missed('speedup >= 7.5'), ['speedup is 7.1x, required is speedup >= 7.5'])
  t.deepEqual(missed('speedup>=4x,efficiency>=80%,time<=30s,failed<=0'), [])
  t.deepEqual(missed('efficiency>0.9'), ['efficiency is 89.4 %, required is efficiency>0.9'])
  t.deepEqual(missed('time<10s, failed<1', 2), [
    'time is 12.9 s, required is time<10s',
    'failed is 2, required is failed<1',
  ])
})

test('each comparison means what it says at the very value', t => {
  const at = { speedup: 2 }
  t.deepEqual(unmet(parseRequirements('speedup>=2,speedup<=2'), at), [])
  t.is(unmet(parseRequirements('speedup>2,speedup<2'), at).length, 2)
})

test('what is not understood is an error that names what there is', t => {
  for (const text of [
    'sped>=4',
    'speedup',
    'speedup=4',
    'speedup>=',
    'speedup>=fast',
    'time<=0',
    'failed<=1.5',
    ',',
    '',
  ])
    t.throws(() => parseRequirements(text), { instanceOf: RangeError, message: /speedup, efficiency, time and failed/ })
})

test('a figure that is not known fails nothing', t => {
  t.deepEqual(unmet(parseRequirements('failed<=0'), { speedup: 3 }), [])
})
