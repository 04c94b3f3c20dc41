// Where a NATS server may be, as a URL says it.
import test from 'ava'
import { parseNatsUrl } from '../../../proto/transport/url.js'

test('plain nats:// to another machine is refused with what to do, and allowed when asked for', t => {
  for (const url of [
    'nats://10.0.0.7:4222',
    'nats://broker',
    'broker:4222',
    'nats://[2001:db8::1]',
    'nats://127.0.0.1,nats://broker',
    'nats://127.0.0.1.example.org',
    'nats://0.0.0.0',
  ])
    t.throws(() => parseNatsUrl(url), { message: /use tls:\/\/.*--insecure/ }, url)
  t.deepEqual(parseNatsUrl('nats://broker', true).servers, ['broker:4222'])
  t.true(parseNatsUrl('tls://broker:4333').tls)
})

test('this machine is reached plainly under all its names', t => {
  for (const url of ['nats://127.0.0.1:4222', 'nats://localhost', 'localhost', 'nats://[::1]:4222', 'nats://127.1.2.3'])
    t.false(parseNatsUrl(url).tls)
  t.deepEqual(parseNatsUrl('nats://[::1]:1,nats://localhost').servers, ['[::1]:1', 'localhost:4222'])
})

test('users, passwords and tokens come out of the URL, and never into its display', t => {
  const user = parseNatsUrl('nats://me:s%40cret@localhost:1')
  t.is(user.user, 'me')
  t.is(user.password, 's@cret')
  t.is(user.token, undefined)
  const token = parseNatsUrl('nats://s3cret@localhost')
  t.is(token.token, 's3cret')
  t.is(token.user, undefined)
  for (const address of [user, token]) t.notRegex(address.display, /s3cret|s@cret|s%40cret/)
})

test('what is no NATS URL is refused without telling its secrets', t => {
  for (const url of [
    '',
    'http://localhost',
    'nats://',
    'nats://me:s3cret@:1',
    'nats://localhost:99999',
    'tls://a,nats://b',
  ])
    t.notRegex(t.throws(() => parseNatsUrl(url), { message: /expected/ }, url)?.message ?? '', /s3cret/)
})
