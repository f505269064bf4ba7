#include "node.h"

int main(void)
{
    node_init();
    for (;;) {
        node_turn();
    }
}
