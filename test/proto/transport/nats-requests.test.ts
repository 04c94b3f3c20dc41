// Requests that wait: each has one end, whatever comes.
import test from 'ava'
import { NatsRequests } from '../../../proto/transport/nats-requests.js'

test('an answer goes to the request of its token, and a second one to nobody', async t => {
  const requests = new NatsRequests(() => '')
  const [first, second] = [requests.add('a', 1000), requests.add('b', 1000)]
  requests.answered(second.token, new Uint8Array([2]))
  requests.answered(second.token, new Uint8Array([3]))
  requests.answered(first.token, new Uint8Array([1]))
  requests.unheard(first.token)
  t.deepEqual(await Promise.all([first.answer, second.answer]), [new Uint8Array([1]), new Uint8Array([2])])
})

test('a request that nobody answers fails when its time is over, one that nobody hears, or that is not sent, at once', async t => {
  const requests = new NatsRequests(() => ' (the server said: no)')
  const [silent, unheard, refused] = [requests.add('a', 100), requests.add('b', 10_000), requests.add('c', 10_000)]
  requests.unheard(unheard.token)
  requests.refused(refused.token, 'too large')
  await t.throwsAsync(refused.answer, { message: 'c: too large' })
  await t.throwsAsync(unheard.answer, { message: 'nobody answers on b (the server said: no)' })
  const began = performance.now()
  await t.throwsAsync(silent.answer, { message: 'no answer on a in 100 ms (the server said: no)' })
  t.true(performance.now() - began < 1000)
})

test('a lost connection ends all that waits, and the next request waits again', async t => {
  const requests = new NatsRequests(() => '')
  const lost = [requests.add('a', 1000), requests.add('b', 1000)]
  requests.fail('disconnected', 'gone')
  for (const { answer } of lost) await t.throwsAsync(answer, { message: 'gone' })
  const next = requests.add('c', 1000)
  requests.answered(next.token, new Uint8Array([7]))
  t.deepEqual(await next.answer, new Uint8Array([7]))
})
