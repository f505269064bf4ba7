/* The node: start and one turn of its main loop. */
#ifndef NODE_H
#define NODE_H

/* Start everything: outputs safe, then the protocol. */
void node_init(void);

/* One turn: bytes in, inputs sampled, watchdog checked, telemetry out, then sleep. */
void node_turn(void);

#endif
