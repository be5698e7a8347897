import { Pool } from 'undici';
import { systemClock } from '../../src/clock.ts';
import { KubeConnection } from '../../src/kube/connection.ts';
import { childOptions, offer, tellReady } from '../child.ts';

/** An undici Pool that does nothing but server-side apply, over and over: what a write costs at least. */
const CONNECTIONS = 32;

export interface Patch {
  path: string;
  body: string;
}

const { kubeconfig } = childOptions() as { kubeconfig: string };
const connection = KubeConnection.load(kubeconfig, systemClock);
const { headers } = await connection.open();
const pool = new Pool(connection.origin, { connections: CONNECTIONS, connect: { rejectUnauthorized: false } });
const sent = { ...headers, 'content-type': 'application/apply-patch+yaml' };

/** Resolves when all are answered. */
async function write(patches: Patch[]): Promise<void> {
  const send = async () => {
    for (let patch = patches.pop(); patch; patch = patches.pop()) {
      const { statusCode, body } = await pool.request({ ...patch, method: 'PATCH', headers: sent });
      await body.json();
      if (statusCode >= 300) throw new Error(`${patch.path} answered ${statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, send));
}

offer({ write });
tellReady({});
