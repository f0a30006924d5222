/** The worker in which all GPU work of the site is done: while it computes, the page answers. */
import { rooms } from 'virtual:rooms';
import type { KernelExchange } from './protocol.ts';
import { type Port, serve } from './serve.ts';
import { Service } from './service.ts';

serve(globalThis as unknown as Port<KernelExchange>, new Service(rooms));
