/* A device made with libmodbus, for the driver to talk to: it prints its port and serves one connection at a time. */
#include <arpa/inet.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static int port_of(int listening)
{
    struct sockaddr_in name;
    socklen_t size = sizeof name;
    return getsockname(listening, (struct sockaddr *)&name, &size) ? -1 : ntohs(name.sin_port);
}

int main(void)
{
    modbus_t *device = modbus_new_tcp("127.0.0.1", MODBUS_TCP_DEFAULT_PORT);
    modbus_mapping_t *map = modbus_mapping_new(32, 32, 256, 256);
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listening = socket(AF_INET, SOCK_STREAM, 0), length;

    if (bind(listening, (struct sockaddr *)&any, sizeof any) || listen(listening, 4))
        return 1;
    map->tab_input_registers[0] = 0x4225; /* 41.25 as a float, high word first */
    map->tab_input_registers[1] = 0x0000;
    map->tab_input_registers[2] = (uint16_t)-35;
    map->tab_input_bits[1] = 1;
    map->tab_registers[4] = 0x8002;
    printf("%d\n", port_of(listening));
    fflush(stdout);
    while (modbus_tcp_accept(device, &listening) >= 0) {
        while ((length = modbus_receive(device, query)) >= 0)
            if (length > 0)
                modbus_reply(device, query, length, map);
        modbus_close(device);
    }
    return 1;
}
