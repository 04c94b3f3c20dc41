import test from 'ava'
import { findingLine } from '../../../coordinator/cli/doctor.js'
import { type Asked, survivalFindings } from '../../../coordinator/cli/survival.js'
import { plainPaint } from '../../../coordinator/cli/verdict.js'
import type { Survey } from '../../../proto/transport/nats-survey.js'

const ofThree: Survey = { cluster: 'hands', mostReplicas: 3, behind: [] }
const said = (survey: Partial<Survey>, asked: Partial<Asked> = {}): string =>
  survivalFindings({ ...ofThree, ...survey }, { replicas: 1, at: '--replicas', ...asked })
    .map(finding => findingLine(finding, plainPaint))
    .join('')

test('a single server says what its end costs, and has one replica', t => {
  const single = { cluster: undefined, mostReplicas: 1 } as const
  t.is(
    said(single),
    '✓ a single server, no cluster: jobs wait while it is down and go on when it is back, even if its disk is lost\n',
  )
  t.regex(said(single, { replicas: 3 }), /✗ --replicas 3 cannot be had: a single server has 1\n$/)
})

test('a cluster says what its replicas survive, and that one is not enough for it', t => {
  t.regex(
    said({}),
    /^✓ cluster hands · up to 3 replicas: .* any one of their servers is lost\n! jobs use 1 replica: .*\(--replicas 3\)\n$/,
  )
  t.regex(said({ mostReplicas: 5 }), /any two of their servers are lost/)
  t.regex(said({}, { replicas: 3, at: 'MANYHANDS_REPLICAS' }), /\n✓ MANYHANDS_REPLICAS 3: jobs go on when any one of/)
  t.regex(said({}, { replicas: 5 }), /\n✗ --replicas 5 cannot be had: the cluster hands can have 3\n$/)
})

test('servers that are down are told with what may be lost beside them', t => {
  t.regex(said({ behind: ['n2'] }), /! down, or behind: n2; no further one may be lost/)
  t.regex(said({ mostReplicas: 5, behind: ['n2'] }), /! down, or behind: n2; one more may be lost/)
  t.regex(said({ mostReplicas: 1 }), /! cluster hands · fewer than 3 servers/)
  t.regex(
    said({ mostReplicas: 0, why: 'no answer' }),
    /^✗ the cluster hands stores nothing now: more than half .*no answer/,
  )
})
