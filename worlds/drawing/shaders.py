"""The renderer's programs in GLSL 3.30: surfaces, shadows, ambient occlusion and light."""

SURFACE_VERTEX = """
#version 330
uniform mat4 to_camera;
uniform vec4 lens;  // 2 fx / width, 2 fx / height, near, far
in vec3 in_place; in vec3 in_normal; in vec2 in_uv; in vec3 in_color; in vec4 in_material;
out float z; out vec3 normal; out vec2 uv; flat out vec3 color; flat out vec4 material;
out vec3 place;
void main() {
    vec4 seen = to_camera * vec4(in_place, 1.0);
    z = seen.z; place = seen.xyz; normal = mat3(to_camera) * in_normal;
    uv = in_uv; color = in_color; material = in_material;
    float a = (lens.w + lens.z) / (lens.w - lens.z), b = 2.0 * lens.w * lens.z / (lens.w - lens.z);
    gl_Position = vec4(lens.x * seen.x, lens.y * seen.y, a * seen.z - b, seen.z);
}
"""

DEPTH_FRAGMENT = """
#version 330
uniform sampler2DArray pictures;
in float z; in vec2 uv; flat in vec4 material;
layout(location = 0) out float depth;
void main() {
    if (material.w > 0.5 && texture(pictures, vec3(uv, material.x)).a < 0.5) discard;
    depth = z;
}
"""

SURFACE_FRAGMENT = """
#version 330
uniform sampler2DArray pictures;
in float z; in vec3 normal; in vec2 uv; flat in vec3 color; flat in vec4 material; in vec3 place;
layout(location = 0) out vec4 paint;   // square root of linear albedo, gloss
layout(location = 1) out vec4 facing;  // normal in camera axes, glow
layout(location = 2) out float depth;
void main() {
    vec3 albedo = color;
    if (material.x > -0.5) {
        vec4 texel = texture(pictures, vec3(uv, material.x));
        if (material.w > 0.5 && texel.a < 0.5) discard;
        albedo *= pow(texel.rgb, vec3(2.2));
    }
    vec3 n = normalize(normal);
    if (dot(n, place) > 0.0) n = -n;
    paint = vec4(sqrt(albedo), material.y);
    facing = vec4(n, material.z);
    depth = z;
}
"""

SHADOW_VERTEX = """
#version 330
uniform mat4 to_light;
in vec3 in_place; in vec2 in_uv; in vec4 in_material;
out vec2 uv; flat out vec4 material;
void main() { uv = in_uv; material = in_material; gl_Position = to_light * vec4(in_place, 1.0); }
"""

SHADOW_FRAGMENT = """
#version 330
uniform sampler2DArray pictures;
in vec2 uv; flat in vec4 material;
void main() { if (material.w > 0.5 && texture(pictures, vec3(uv, material.x)).a < 0.5) discard; }
"""

SCREEN_VERTEX = """
#version 330
in vec2 in_corner;
out vec2 at;
void main() { at = in_corner * 0.5 + 0.5; gl_Position = vec4(in_corner, 0.0, 1.0); }
"""

OCCLUSION_FRAGMENT = """
#version 330
uniform sampler2D depths;
uniform sampler2D normals;
uniform vec4 lens;
uniform vec2 size;
in vec2 at;
layout(location = 0) out float open_sky;
const int COUNT = 8;
float hash(vec2 p) { return fract(52.9829189 * fract(dot(p, vec2(0.06711056, 0.00583715)))); }
vec3 point(vec2 where) {
    float z = texture(depths, where).r;
    return vec3((where * 2.0 - 1.0) / lens.xy * z, z);
}
void main() {
    vec3 here = point(at);
    if (here.z > 1e4) { open_sky = 1.0; return; }
    vec3 n = texture(normals, at).xyz;
    float spin = hash(gl_FragCoord.xy) * 6.2831853, sum = 0.0, weights = 0.0;
    for (int i = 0; i < COUNT; i++) {
        float share = (float(i) + hash(gl_FragCoord.yx + 7.0)) / float(COUNT);
        float angle = spin + 2.3999632 * float(i);
        float reach = mix(0.04, 0.9, share * share) * clamp(here.z * 0.4, 1.0, 6.0);
        vec2 offset = vec2(cos(angle), sin(angle)) * lens.xy;
        offset *= clamp(reach / here.z * 0.5, 0.002, 0.35);
        vec3 other = point(at + offset);
        vec3 to = other - here;
        float away = length(to) + 1e-4;
        float rise = max(dot(n, to) / away - 0.08, 0.0);
        sum += rise * smoothstep(2.2 * reach + 0.1, 0.6 * reach, away);
        weights += 1.0;
    }
    open_sky = clamp(1.0 - 1.9 * sum / weights, 0.05, 1.0);
}
"""

LIGHT_FRAGMENT = """
#version 330
uniform sampler2D paints;
uniform sampler2D normals;
uniform sampler2D depths;
uniform sampler2D openness;
uniform sampler2DShadow shade_0;
uniform sampler2DShadow shade_1;
uniform mat4 shadow_0;
uniform mat4 shadow_1;
uniform mat4 to_world;
uniform vec4 lens;
uniform vec2 size;
uniform int count;
uniform vec4 places[8];   // world place or direction; w = 1 if infinitely far
uniform vec4 colors[8];  // w: 0 no shadow, 1 or 2 which shadow map
uniform vec4 facings[8];
uniform vec3 ambient;
uniform mat3 sky;
uniform float has_sky;
uniform float haze;
in vec2 at;
layout(location = 0) out vec4 light;
float hash(vec2 p) { return fract(52.9829189 * fract(dot(p, vec2(0.06711056, 0.00583715)))); }
float noise(vec2 p) {
    vec2 i = floor(p), f = fract(p); f = f * f * (3.0 - 2.0 * f);
    float low = dot(i, vec2(127.1, 311.7));
    vec4 h = fract(sin(low + vec4(0.0, 127.1, 311.7, 438.8)) * 43758.5453);
    return mix(mix(h.x, h.y, f.x), mix(h.z, h.w, f.x), f.y);
}
vec3 heaven(vec3 ray) {
    if (has_sky < 0.5) return vec3(0.0);
    vec3 color = mix(sky[1], sky[0], pow(clamp(ray.y, 0.0, 1.0), 0.6));
    if (ray.y > 0.02) {
        vec2 p = ray.xz / (ray.y + 0.12) * 1.3 + places[0].xz * 7.0;
        float cloud = 0.55 * noise(p) + 0.28 * noise(p * 2.3) + 0.17 * noise(p * 5.1);
        float bright = dot(sky[1], vec3(0.333)) * 1.1;
        float cover = smoothstep(0.45, 0.75, cloud) * smoothstep(0.02, 0.2, ray.y);
        color = mix(color, vec3(bright), cover);
    }
    return mix(color, sky[2], smoothstep(0.0, -0.1, ray.y));
}
float lit(int which, vec3 place, vec3 n, float soft, bool is_far) {
    mat4 to_map = which == 1 ? shadow_0 : shadow_1;
    // A soft shadow's taps must not fall behind a steep surface: lift the place by their reach
    // (4.4 is the map's width at 1 m).
    float lift = is_far ? 0.0 : 4.4 * soft;
    float away = (to_map * vec4(place, 1.0)).w;
    vec4 p = to_map * vec4(place + n * lift * away, 1.0);
    vec3 q = p.xyz / p.w * 0.5 + 0.5;
    if (p.w <= 0.0 || any(lessThan(q, vec3(0.0))) || any(greaterThan(q, vec3(1.0)))) return 1.0;
    float spin = hash(gl_FragCoord.xy) * 6.2831853, sum = 0.0;
    for (int i = 0; i < 4; i++) {
        float angle = spin + 2.3999632 * float(i), r = soft * sqrt((float(i) + 0.5) / 4.0);
        vec3 tap = vec3(q.xy + r * vec2(cos(angle), sin(angle)), q.z);
        sum += which == 1 ? texture(shade_0, tap) : texture(shade_1, tap);
    }
    return sum / 4.0;
}
void main() {
    float z = texture(depths, at).r;
    vec3 ray = vec3((at * 2.0 - 1.0) / lens.xy, 1.0);
    vec3 world_ray = normalize(mat3(to_world) * ray);
    if (z > 1e4) { light = vec4(heaven(world_ray), 1.0); return; }
    vec4 paint = texture(paints, at), facing = texture(normals, at);
    vec3 albedo = paint.rgb * paint.rgb;
    vec3 place = (to_world * vec4(ray * z, 1.0)).xyz;
    vec3 n = normalize(mat3(to_world) * facing.xyz);
    float open_sky = texture(openness, at).r;
    float up = 0.8 + 0.2 * n.y + 0.06 * n.x;
    vec3 sum = ambient * up * open_sky, shine = vec3(0.0);
    for (int i = 0; i < count; i++) {
        vec3 to = places[i].w > 0.5 ? places[i].xyz : places[i].xyz - place;
        float away = places[i].w > 0.5 ? 1.0 : length(to);
        vec3 l = to / max(away, 1e-4);
        float fall = places[i].w > 0.5 ? 1.0 : 1.0 / (0.15 + away * away);
        float wrap = places[i].w > 0.5 ? 0.0 : 0.25;
        float faced = max((dot(n, l) + wrap) / (1.0 + wrap), 0.0);
        vec3 aim = facings[i].xyz;
        if (dot(aim, aim) > 0.1) fall *= smoothstep(-0.1, 0.6, dot(-l, aim));
        int which = int(colors[i].w + 0.5);
        if (which > 0 && faced > 0.0) {
            float soft = places[i].w > 0.5 ? 0.0012 : 0.008;
            faced *= lit(which, place + n * (0.02 + 0.002 * z), n, soft, places[i].w > 0.5);
        }
        vec3 strength = colors[i].rgb * fall * mix(1.0, open_sky, 0.5);
        sum += strength * faced;
        if (paint.a > 0.05) {
            vec3 h = normalize(l - world_ray);
            shine += strength * faced * pow(max(dot(n, h), 0.0), mix(8.0, 200.0, paint.a));
        }
    }
    float edge = pow(1.0 - clamp(dot(n, -world_ray), 0.0, 1.0), 5.0);
    vec3 mirror = has_sky > 0.5 ? heaven(reflect(world_ray, n)) : ambient;
    light.rgb = albedo * (sum + facing.w);
    mirror *= open_sky * mix(0.04, 0.6, edge);
    light.rgb += paint.a * (shine * mix(0.1, 1.2, paint.a) + mirror);
    if (has_sky > 0.5) light.rgb = mix(light.rgb, sky[1], 1.0 - pow(1.0 - haze, z / 100.0));
    light.a = 1.0;
}
"""
