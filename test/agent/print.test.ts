// What is remembered of a worker's output.
import test from 'ava'
import { Prints } from '../../agent/print.js'

test('the last 64 KB are remembered, and of them nothing that came before another job', t => {
  const lines: string[] = []
  const prints = new Prints(
    line => lines.push(line),
    () => 0,
  )
  const put = prints.stream()
  put(Buffer.from('of the first job\n'))
  t.is(prints.text(), 'of the first job\n')
  prints.forget()
  t.is(prints.text(), '')
  put(Buffer.from('of the second\n'))
  t.is(prints.text(), 'of the second\n')
  put(Buffer.from(`${'x'.repeat(70_000)}end`))
  t.is(prints.text().length, 64 * 1024)
  t.true(prints.text().endsWith('xend'))
  prints.forget()
  put(Buffer.from('third'))
  t.is(prints.text(), 'third')
  t.deepEqual(lines.slice(0, 2), ['of the first job', 'of the second'])
})
