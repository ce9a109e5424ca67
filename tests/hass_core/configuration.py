"""What a Home Assistant of the tests is told: a small home without recorder, cloud or discovery."""

BASE = """\
homeassistant:
  name: Test Home
  latitude: 52.0
  longitude: 5.0
  elevation: 0
  unit_system: metric
  currency: EUR
  country: NL
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
websocket_api:
logger:
  default: warning
  logs:
    homeassistant.components.websocket_api: info
"""

ENTITIES = """\
sun:
input_boolean:
  motion: {name: Motion}
  lamp_state: {name: Lamp state}
  shutters_open: {name: Shutters open}
  door_open: {name: Door open}
  heater: {name: Heater}
  anna: {name: Anna}
  ben: {name: Ben}
input_number: {level: {name: Level, min: 0, max: 100, step: 1}}
input_select: {mode: {name: Mode, options: [home, away, night]}}
input_text: {note: {name: Note}}
input_button: {press: {name: Press}}
input_datetime:
  wake: {name: Wake, has_date: false, has_time: true}
  party: {name: Party, has_date: true, has_time: true}
counter: {hits: {name: Hits}}
timer: {egg: {name: Egg, duration: "00:00:05"}}
light:
  - platform: template
    lights:
      lamp:
        friendly_name: Lamp
        value_template: "{{ is_state('input_boolean.lamp_state', 'on') }}"
        turn_on: {service: input_boolean.turn_on, target: {entity_id: input_boolean.lamp_state}}
        turn_off: {service: input_boolean.turn_off, target: {entity_id: input_boolean.lamp_state}}
cover:
  - platform: template
    covers:
      shutters:
        friendly_name: Shutters
        value_template: "{{ is_state('input_boolean.shutters_open', 'on') }}"
        open_cover: {service: input_boolean.turn_on, target: {entity_id: input_boolean.shutters_open}}
        close_cover: {service: input_boolean.turn_off, target: {entity_id: input_boolean.shutters_open}}
climate:
  - platform: generic_thermostat
    name: Living room
    heater: input_boolean.heater
    target_sensor: sensor.double_level
    target_temp: 19
    target_temp_step: 0.5
    initial_hvac_mode: heat
template:
  - sensor:
      - {name: Double level, unique_id: double_level, state: "{{ states('input_number.level') | float(0) * 2 }}"}
    binary_sensor:
      - name: Moving
        unique_id: moving
        device_class: motion
        state: "{{ is_state('input_boolean.motion', 'on') }}"
      - name: Front door
        unique_id: front_door
        device_class: door
        state: "{{ is_state('input_boolean.door_open', 'on') }}"
"""
