"""LoRaWAN class A devices behind a ChirpStack v4 network server: payloads, airtime, events, downlinks."""
