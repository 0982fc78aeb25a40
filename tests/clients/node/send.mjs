// Tells peoplesync of so many users and of so many things each of them did, by Segment's client as it is:
//     node send.mjs API_URL WRITE_KEY USERS EVENTS
import { Analytics } from '@segment/analytics-node'

const [apiUrl, writeKey, users, events] = process.argv.slice(2)
const batch = new URL(`${apiUrl.replace(/\/$/, '')}/v1/batch`)

// The client joins host and path as addresses are joined, so a path in front of /v1/batch is told apart.
const analytics = new Analytics({
  writeKey,
  host: batch.origin,
  path: batch.pathname,
  flushAt: 100,
  flushInterval: 500,
})
analytics.on('error', (error) => {
  console.error(error)
  process.exitCode = 1
})

for (let user = 0; user < Number(users); user++) {
  const userId = `user-${user}`
  const email = `trial-${String(user).padStart(2, '0')}@example.com`
  analytics.identify({ userId, traits: { email, tier: 'gold', seats: 3 } })
  for (let number = 0; number < Number(events); number++) {
    analytics.track({ userId, event: 'Report Exported', properties: { number } })
  }
}
await analytics.closeAndFlush()
