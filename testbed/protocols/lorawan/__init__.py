"""LoRaWAN class A devices and their network servers: payloads, airtime, events, downlinks."""
