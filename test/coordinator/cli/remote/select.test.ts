import test from 'ava'
import fc from 'fast-check'
import { Fault } from '../../../../coordinator/cli/fault.js'
import { selectAgent, selectJobs, selectOneJob } from '../../../../coordinator/cli/remote/select.js'
import { agent, view } from './stage.js'

const jobs = [
  view({ number: 3, id: 'aa1', name: 'nightly' }),
  view({ number: 5, id: 'ab2', name: 'twice' }),
  view({ number: 6, id: 'ac3', name: 'twice', state: 'running' }),
  view({ number: 12, id: '3c4', name: 'a, b' }),
]
const numbers = (selector: string): number[] => selectJobs(selector, jobs).map(({ number }) => number)

const faultOf = (run: () => unknown): Fault => {
  try {
    run()
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new Error('nothing was wrong')
}

test('a job is named by its id, the beginning of it, its number, its name, last or all', t => {
  t.deepEqual(numbers('aa1'), [3])
  t.deepEqual(numbers('ab'), [5])
  t.deepEqual(numbers('3'), [3])
  t.deepEqual(numbers('nightly'), [3])
  t.deepEqual(numbers('last'), [12])
  t.deepEqual(numbers('all'), [3, 5, 6, 12])
  t.deepEqual(numbers('3c'), [12])
  t.deepEqual(numbers('a, b'), [12])
})

test('several stand with commas and in ranges, in the order in which they are named and each once', t => {
  t.deepEqual(numbers('12,3'), [12, 3])
  t.deepEqual(numbers('5-8'), [5, 6])
  t.deepEqual(numbers('last, 5-8,nightly,6'), [12, 5, 6, 3])
})

test('of no job all is nothing, and last an error', t => {
  t.deepEqual(selectJobs('all', []), [])
  const fault = faultOf(() => selectJobs('last', []))
  t.is(fault.message, 'there is no job')
  t.is(fault.advice, 'The daemon has no job.')
})

test('what names nothing, or one job and could be another, is an error that lists those there are', t => {
  const unknown = faultOf(() => numbers('7'))
  t.is(unknown.code, 'MH-JOB-UNKNOWN')
  t.is(unknown.message, 'there is no job 7')
  t.is(unknown.advice, 'There are: 12 (a, b, done), 6 (twice, running), 5 (twice, done), 3 (nightly, done).')
  t.is(
    faultOf(() => numbers('twice')).message,
    'more than one job is called twice: 5 (twice, done), 6 (twice, running)',
  )
  t.regex(faultOf(() => numbers('a')).message, /^a is the beginning of more than one job's id: /)
  t.is(faultOf(() => numbers('3,,5')).code, 'MH-JOB-UNKNOWN')
  t.is(faultOf(() => numbers('')).code, 'MH-JOB-UNKNOWN')
  t.is(faultOf(() => numbers('8-5')).message, 'there is no job 8-5')
  t.is(faultOf(() => numbers('3,nobody')).message, 'there is no job nobody')
})

test('where one job is wanted several are an error', t => {
  t.is(selectOneJob('5', jobs).id, 'ab2')
  t.regex(faultOf(() => selectOneJob('3,5', jobs)).message, /^3,5 names 2 jobs, and one is wanted: 3 \(nightly/)
  t.is(faultOf(() => selectOneJob('all', [])).message, 'there is no job')
})

test('whatever is asked, each job comes once, and numbers and ranges name those that an interval holds', t => {
  const many = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 30 })
  const word = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 9 }))
  fc.assert(
    fc.property(many, fc.array(word, { minLength: 1, maxLength: 6 }), (there, words) => {
      const all = there.map(number => view({ number, id: `j${number}`, name: `n${number}` }))
      const intervals = words.map(([from, more]) => ({ from, to: from + more }))
      const text = intervals.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(',')
      const ascending = [...there].sort((a, b) => a - b)
      const wanted = intervals.map(({ from, to }) => ascending.filter(number => number >= from && number <= to))
      if (wanted.some(some => some.length === 0)) {
        faultOf(() => selectJobs(text, all))
        return
      }
      t.deepEqual(
        selectJobs(text, all).map(({ number }) => number),
        [...new Set(wanted.flat())],
      )
    }),
  )
})

test('any text either names jobs that there are, or is a fault', t => {
  fc.assert(
    fc.property(fc.string(), text => {
      try {
        t.true(selectJobs(text, jobs).every(job => jobs.includes(job)))
      } catch (error) {
        t.true(error instanceof Fault)
      }
    }),
  )
})

test('an agent is named by its name, or a beginning that no other has', t => {
  const agents = [agent({ name: 'alpha' }), agent({ name: 'alpha-2' }), agent({ name: 'beta' })]
  t.is(selectAgent('b', agents).name, 'beta')
  t.is(selectAgent('alpha', agents).name, 'alpha')
  t.is(selectAgent('alpha-', agents).name, 'alpha-2')
  t.regex(faultOf(() => selectAgent('al', agents)).message, /more than one agent's name: alpha, alpha-2$/)
  t.is(faultOf(() => selectAgent('gamma', agents)).advice, 'There are: alpha, alpha-2, beta.')
  t.is(faultOf(() => selectAgent('gamma', [])).code, 'MH-AGENT-UNKNOWN')
})
